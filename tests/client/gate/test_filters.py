"""What the gate refuses, row by row, and how it measures."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from grandrounds_client.arrays import Rows
from grandrounds_client.gate import House, alike, nearest
from grandrounds_client.gate.alike import RawFeatures
from grandrounds_client.gate.filters import Standing, copies, inspect, too_near
from grandrounds_client.gate.house import Distances
from grandrounds_client.gate.nearest import Neighbours
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Image, Ordinal
from tests.client.counterfactuals.toy_teachers import draw_rows
from tests.client.gate.conftest import Patients


def reasons(rows: Rows, house: House) -> list[str]:
    return [str(reason) for reason in inspect(Standing.of(rows, house), house)]


def standing(distance: Distances, house: House) -> Standing:
    """Rows that stand that far from patients, and are as strangers are in all else."""
    differing = np.resize(house.differing, len(distance))
    return Standing(np.zeros(len(distance), np.bool_), distance, differing)


def test_a_virtual_row_equal_to_a_patient_is_refused(patients: Patients) -> None:
    house = patients.house()
    strangers = draw_rows(patients.layout, 2, np.random.default_rng(1))
    rows = np.stack([patients.train[3], strangers[0], patients.validation[8], strangers[1]])
    assert reasons(rows, house) == ["exact copy", "", "exact copy", ""]


def test_what_a_teacher_wrote_into_foreign_columns_hides_no_copy(patients: Patients) -> None:
    house = patients.house(columns=[0, 1, 2, 3])
    rows = patients.train[:5].copy()
    rows[:, 4:] = np.random.default_rng(2).random(rows[:, 4:].shape, np.float32)
    assert reasons(rows, house) == ["exact copy"] * 5


def test_minus_zero_is_zero() -> None:
    layout = Layout((Continuous(name="a", low=0, high=1), Continuous(name="b", low=0, high=1)))
    own = np.array([[0, 0.5], [0.9, 0.1]], np.float32)
    house = House(own, own[:0], np.arange(2), layout)
    assert copies(np.array([[-0.0, 0.5], [0.1, 0.5]], np.float32), house).tolist() == [True, False]


def test_what_is_near_is_what_strangers_seldom_are(patients: Patients) -> None:
    house = patients.house()
    apart = cdist(patients.validation, patients.train, "cityblock").min(axis=1)
    np.testing.assert_allclose(house.apart, np.sort(apart), atol=1e-4)
    assert house.percentile == pytest.approx(np.quantile(apart, 0.05), abs=1e-4)


def test_rows_that_stand_as_strangers_do_all_pass(patients: Patients) -> None:
    house = patients.house()
    again = np.repeat(house.apart, 3)
    assert not too_near(standing(again, house), house).any()


def test_a_virtual_row_nearer_to_a_patient_than_any_stranger_is_refused(
    patients: Patients,
) -> None:
    house = patients.house()
    far = np.full(999, house.percentile + 1)
    nearest = standing(np.append(far, 0.99 * house.apart[0]), house)
    assert np.flatnonzero(too_near(nearest, house)).tolist() == [999]


@pytest.mark.parametrize("near", [5, 40, 100, 200])
def test_of_what_passes_no_larger_share_is_near_than_of_strangers(
    patients: Patients, near: int
) -> None:
    house = patients.house()
    distance = np.random.default_rng(0).uniform(0.9, 1.5, 200) * house.percentile
    distance[:near] *= 0.6
    passed = distance[~too_near(standing(distance, house), house)]
    for bar in (*house.apart[:6], house.percentile):
        below = (passed < bar).sum()
        assert below <= (house.apart < bar).mean() * len(passed)
    assert len(passed) >= (distance >= house.percentile).sum()
    assert len(passed) < 200


def test_no_more_are_refused_than_need_be(patients: Patients) -> None:
    house = patients.house()
    distance = np.full(200, house.percentile + 1)
    distance[:20] = np.nextafter(house.percentile, 0)
    refused = too_near(standing(distance, house), house)
    assert not refused[20:].any()
    assert (~refused).sum() == 189  # nine of them are near, less than 5 %; ten would be more


def test_validation_patients_are_guarded_like_training_patients(patients: Patients) -> None:
    rows = patients.validation[:4].copy()
    rows[:, 0] = 1 - rows[:, 0]
    assert "" not in reasons(rows, patients.house())


@pytest.mark.parametrize("pairs", [1, 700, 1 << 24])
def test_distances_are_those_of_scipy_however_small_the_blocks(
    patients: Patients, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "PAIRS", pairs)
    rows = np.random.default_rng(3).random((50, patients.layout.width), np.float32)
    rows[:25] = draw_rows(patients.layout, 25, np.random.default_rng(4))
    distance = Neighbours(patients.train).nearest(rows)
    expected = cdist(rows, patients.train, "cityblock")
    np.testing.assert_allclose(distance, expected.min(axis=1), atol=1e-5)


def small() -> tuple[Layout, Rows]:
    """Ages in whole years, a colour of three, four grades; the last record is all missing."""
    layout = Layout(
        (
            Continuous(name="age", low=0, high=100),
            Categorical(kind="categorical", name="colour", categories=("red", "green", "blue")),
            Ordinal(kind="ordinal", name="grade", levels=("a", "b", "c", "d")),
        )
    )
    own = [[0.30, 1, 0, 0, 0], [0.31, 0, 1, 0, 1 / 3], [0.80, 0, 0, 1, 1], [0, 0, 0, 0, 0]]
    return layout, np.array(own, np.float32)


@pytest.mark.parametrize(
    ("row", "equal"),
    [
        ([0.804, 0, 0, 1, 1], 3),  # 80.4 years read as 80
        ([0.806, 0, 0, 1, 1], 2),
        ([0.55, 0.2, 0.1, 0.7, 0.9], 2),  # mostly blue, nearly d
        ([0.55, 0, 0, 0, 0.66], 1),  # no colour, as in the last record
        ([0.55, 0, 0, 0, 0], 2),
    ],
)
def test_features_are_equal_as_a_person_would_read_them(row: list[float], equal: int) -> None:
    layout, own = small()
    counts = RawFeatures.of(own, np.arange(5), layout).most_alike(np.array([row], np.float32))
    assert counts.tolist() == [equal]


@pytest.mark.parametrize("pairs", [1, 700])
def test_equal_features_are_counted_in_blocks_of_any_size(
    patients: Patients, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = RawFeatures.of(patients.train, np.arange(patients.layout.width), patients.layout)
    rows = draw_rows(patients.layout, 40, np.random.default_rng(6))
    rows[:, :5] = patients.train[:40, :5]
    one, two = raw.codes(rows), raw.codes(patients.train)
    expected = (one[:, None] == two[None]).sum(axis=2).max(axis=1)
    monkeypatch.setattr(alike, "PAIRS", pairs)
    assert raw.most_alike(rows).tolist() == expected.tolist()
    assert (expected >= 5).all()


def test_a_virtual_row_that_shares_more_values_with_one_patient_than_patients_do_is_refused(
    patients: Patients,
) -> None:
    house = patients.house()
    rows = patients.train[:20].copy()
    # every number a little off, but far: numbers are what makes a row this patient's
    rows[:, 10:22] = np.roll(rows[:, 10:22], 1, axis=0)
    rows[:, 22:] = 1 - rows[:, 22:]
    assert "" not in reasons(rows, house)
    counts = RawFeatures.of(house.own[:200], house.columns, house.layout).most_alike(
        patients.validation
    )
    assert house.differing.tolist() == sorted(len(house.raw.features) - counts)


def test_one_patient_who_is_in_the_file_twice_does_not_open_the_gate() -> None:
    layout = Layout(tuple(Continuous(name=f"n{at}", low=0, high=1) for at in range(5)))
    rows = np.random.default_rng(0).random((100, 5), np.float32)
    rows[60] = rows[0]
    house = House(rows[:60], rows[60:], np.arange(5), layout)
    assert not house.closed
    near = rows[:20] + np.float32(1e-4)
    assert reasons(near, house) == ["too near"] * 20


def test_a_site_of_categories_only_is_measured_too() -> None:
    yes = [Categorical(kind="categorical", name=f"c{at}", categories=("a", "b")) for at in range(2)]
    own = np.array([[1, 0, 1, 0], [1, 0, 0, 1]], np.float32)
    house = House(own[:1], own[1:], np.arange(4), Layout(tuple(yes)))
    assert (house.percentile, house.differing.tolist()) == (2, [1])
    row = np.array([[0, 1, 0, 1], [0, 1, 1, 0]], np.float32)
    assert reasons(row, house) == ["", ""]


def test_no_image_is_as_near_as_strangers_seldom_are() -> None:
    layout = Layout((Image.model_validate({"kind": "image", "name": "scan", "shape": [8, 8]}),))
    grey = np.random.default_rng(0).integers(0, 256, (60, 64))
    images = (grey / 255).astype(np.float32)
    house = House(images[:40], images[40:], np.arange(64), layout)
    assert house.percentile > 5
    moved = images[:1].copy()
    moved[0, :5] = 1 - moved[0, :5]
    assert reasons(moved, house) == ["too near"]
    far = np.full(200, house.percentile + 1)
    just = standing(np.append(far, 0.999 * house.percentile), house)
    assert np.flatnonzero(too_near(just, house)).tolist() == [200]
