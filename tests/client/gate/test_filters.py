"""What the gate refuses, row by row, and how it measures."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from grandrounds_client.arrays import Rows
from grandrounds_client.gate import House, alike, nearest
from grandrounds_client.gate.alike import RawFeatures
from grandrounds_client.gate.filters import exact_copy, inspect, too_alike, too_near
from grandrounds_client.gate.nearest import Neighbours
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Image, Ordinal
from tests.client.counterfactuals.toy_teachers import draw_rows
from tests.client.gate.conftest import Patients


def test_a_virtual_row_equal_to_a_patient_is_refused(patients: Patients) -> None:
    house = patients.house()
    strangers = draw_rows(patients.layout, 2, np.random.default_rng(1))
    rows = np.stack([patients.train[3], strangers[0], patients.validation[8], strangers[1]])
    found = inspect(rows, house)
    assert found.reason[[0, 2]].tolist() == ["exact copy", "exact copy"]
    assert found.by[[0, 2]].tolist() == [3, len(patients.train) + 8]
    assert "exact copy" not in found.reason[[1, 3]]


def test_what_a_teacher_wrote_into_foreign_columns_hides_no_copy(patients: Patients) -> None:
    house = patients.house(columns=[0, 1, 2, 3])
    rows = patients.train[:5].copy()
    rows[:, 4:] = np.random.default_rng(2).random(rows[:, 4:].shape, np.float32)
    assert inspect(rows, house).reason.tolist() == ["exact copy"] * 5


def test_minus_zero_is_zero() -> None:
    layout = Layout((Continuous(name="a", low=0, high=1), Continuous(name="b", low=0, high=1)))
    own = np.array([[0, 0.5], [0.9, 0.1]], np.float32)
    house = House(own, own[:0], np.arange(2), layout)
    assert exact_copy(np.array([[-0.0, 0.5], [0.1, 0.5]], np.float32), house).refused.tolist() == [
        True,
        False,
    ]


def test_a_virtual_row_nearer_to_a_patient_than_patients_are_to_each_other_is_refused(
    patients: Patients,
) -> None:
    house = patients.house()
    apart = cdist(patients.validation, patients.train, "cityblock").min(axis=1)
    assert house.percentile == pytest.approx(np.quantile(apart, 0.05), abs=1e-4)
    assert house.radius == house.percentile > house.floor
    rows = np.repeat(patients.train[:1], 2, axis=0)
    numbers = np.arange(10)
    room = np.maximum(rows[0, numbers], 1 - rows[0, numbers])
    for row, share in zip(rows, (0.9, 1.1), strict=True):
        # spread over numbers, so that only the distance to this patient decides
        step = room / room.sum() * house.radius * share
        row[numbers] += np.where(row[numbers] < 0.5, step, -step)
    assert too_near(rows, house).refused.tolist() == [True, False]
    assert too_near(rows, house).by[0] == 0


def test_validation_patients_are_guarded_like_training_patients(patients: Patients) -> None:
    rows = patients.validation[:4].copy()
    rows[:, 0] = 1 - rows[:, 0]
    verdict = too_near(rows, patients.house())
    assert verdict.refused.all()
    assert verdict.by.tolist() == [len(patients.train) + at for at in range(4)]


def test_the_federations_floor_holds_where_patients_are_nearer_to_each_other() -> None:
    layout = Layout((Continuous(name="a", low=0, high=1),))
    own = np.linspace(0, 0.1, 40, dtype=np.float32)[:, None]
    house = House(own[::2], own[1::2], np.arange(1), layout, floor=0.5)
    assert 0 < house.percentile < 0.01
    assert house.radius == 0.5
    assert too_near(np.array([[0.55], [0.65]], np.float32), house).refused.tolist() == [True, False]


@pytest.mark.parametrize("pairs", [1, 700, 1 << 24])
def test_distances_are_those_of_scipy_however_small_the_blocks(
    patients: Patients, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "PAIRS", pairs)
    rows = np.random.default_rng(3).random((50, patients.layout.width), np.float32)
    rows[:25] = draw_rows(patients.layout, 25, np.random.default_rng(4))
    distance, by = Neighbours(patients.train).nearest(rows)
    expected = cdist(rows, patients.train, "cityblock")
    np.testing.assert_allclose(distance, expected.min(axis=1), atol=1e-5)
    np.testing.assert_allclose(expected[np.arange(50), by], expected.min(axis=1), atol=1e-5)


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
    ("row", "equal", "by"),
    [
        ([0.804, 0, 0, 1, 1], 3, 2),  # 80.4 years read as 80
        ([0.806, 0, 0, 1, 1], 2, 2),
        ([0.55, 0.2, 0.1, 0.7, 0.9], 2, 2),  # mostly blue, nearly d
        ([0.55, 0, 0, 0, 0.66], 1, 3),  # no colour, as in the last record
        ([0.55, 0, 0, 0, 0], 2, 3),
    ],
)
def test_features_are_equal_as_a_person_would_read_them(
    row: list[float], equal: int, by: int
) -> None:
    layout, own = small()
    counts, rows = RawFeatures.of(own, np.arange(5), layout).most_alike(np.array([row], np.float32))
    assert (counts[0], rows[0]) == (equal, by)


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
    assert raw.most_alike(rows)[0].tolist() == expected.tolist()
    assert (expected >= 5).all()


def test_a_virtual_row_that_shares_more_values_with_one_patient_than_patients_do_is_refused(
    patients: Patients,
) -> None:
    house = patients.house()
    rows = patients.train[:20].copy()
    # every number a little off, but far: numbers are what makes a row this patient's
    rows[:, 10:22] = np.roll(rows[:, 10:22], 1, axis=0)
    rows[:, 22:] = 1 - rows[:, 22:]
    verdict = too_alike(rows, house)
    assert verdict.refused.all()
    counts, _ = RawFeatures.of(house.own[:200], house.columns, house.layout).most_alike(
        patients.validation
    )
    assert house.alike == int(np.quantile(counts, 0.95)) < 10


def test_one_patient_who_is_in_the_file_twice_does_not_open_the_gate() -> None:
    layout = Layout(tuple(Continuous(name=f"n{at}", low=0, high=1) for at in range(5)))
    rows = np.random.default_rng(0).random((100, 5), np.float32)
    rows[60] = rows[0]
    house = House(rows[:60], rows[60:], np.arange(5), layout)
    assert not house.closed
    assert house.alike < 5


def test_a_site_of_categories_only_is_measured_too() -> None:
    yes = [Categorical(kind="categorical", name=f"c{at}", categories=("a", "b")) for at in range(2)]
    own = np.array([[1, 0, 1, 0], [1, 0, 0, 1]], np.float32)
    house = House(own[:1], own[1:], np.arange(4), Layout(tuple(yes)))
    assert (house.percentile, house.alike) == (2, 1)
    row = np.array([[0, 1, 0, 1], [0, 1, 1, 0]], np.float32)
    assert too_near(row, house).refused.tolist() == [False, False]
    assert too_alike(row, house).refused.tolist() == [False, False]


def test_on_images_the_percentile_and_not_the_floor_decides() -> None:
    layout = Layout((Image.model_validate({"kind": "image", "name": "scan", "shape": [8, 8]}),))
    grey = np.random.default_rng(0).integers(0, 256, (60, 64))
    images = (grey / 255).astype(np.float32)
    house = House(images[:40], images[40:], np.arange(64), layout)
    assert house.radius > 10 * house.floor
    moved = images[:1].copy()
    moved[0, :5] = 1 - moved[0, :5]
    assert inspect(moved, house).refused.all()
