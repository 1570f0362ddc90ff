"""What is counted, and what is drawn from it."""

import numpy as np
import pytest

from grandrounds_client.private import NoisyRelease, draw, measure, seeded_noise
from grandrounds_client.private.cells import axes
from grandrounds_client.private.noise import Counts
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical
from tests.client.private.made import COLUMNS, LAYOUT, released, rows, without_noise


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_every_row_is_counted_once_in_each_feature_the_site_has() -> None:
    x, y = rows(50)
    release = released(x, y)
    assert [axis.kind for axis in release.axes] == ["continuous", "categorical", "ordinal"]
    for histogram in release.counts:
        assert [sum(cells) for cells in histogram] == np.bincount(y).tolist()


def test_one_other_row_changes_all_counts_together_by_the_sensitivity_at_most() -> None:
    x, y = rows(30)
    other_x, other_y = x.copy(), y.copy()
    other_x[4] = [0.01, *(x[4, 1:3] == 0), 1 - x[4, 3], 0]
    other_y[4] = 1 - y[4]
    one, two = released(x, y), released(other_x, other_y)
    apart = sum(
        abs(a - b)
        for first, second in zip(one.counts, two.counts, strict=True)
        for cells, others in zip(first, second, strict=True)
        for a, b in zip(cells, others, strict=True)
    )
    assert apart == one.sensitivity == 6


def test_noise_is_asked_for_once_for_the_whole_release() -> None:
    asked: list[tuple[int, float]] = []

    def noting(counts: Counts, sensitivity: int, epsilon: float) -> Counts:
        asked.append((sensitivity, epsilon))
        return counts

    released(*rows(20), noting, epsilon=0.7)
    assert asked == [(6, 0.7)]


def test_cells_depend_on_the_number_of_rows_and_never_on_the_rows() -> None:
    one, two = released(*rows(80, seed=1)), released(*rows(80, seed=2))
    assert one.axes == two.axes
    more = released(*rows(8000))
    assert more.axes[0].cells > one.axes[0].cells


def test_draws_look_like_the_rows() -> None:
    x, y = rows(20_000)
    seeds = draw(released(x, y), 4000, rng())
    for label in (0, 1):
        theirs, ours = seeds.x[seeds.y == label], x[y == label]
        assert np.abs(theirs.mean(axis=0) - ours.mean(axis=0)).max() < 0.03
    missing = (seeds.x[:, 1:3].max(axis=1) == 0).mean()
    assert abs(missing - 1 / 3) < 0.03


def test_draws_are_valid_rows_and_leave_out_what_the_site_does_not_have() -> None:
    release = released(*rows(60), seeded_noise(rng()), epsilon=0.5)
    x = draw(release, 500, rng()).x
    assert x.dtype == np.float32
    assert x.min() >= 0
    assert x.max() <= 1
    assert set(np.unique(x[:, 1:3].sum(axis=1))) == {0.0, 1.0}
    assert set(np.unique(x[:, 3])) == {0.0, 0.5, 1.0}
    assert not x[:, 4].any()


def test_drawn_numbers_fall_into_the_cell_they_were_drawn_for() -> None:
    for axis in axes(LAYOUT, COLUMNS, bins=7):
        codes = np.arange(axis.cells).repeat(200)
        x = np.zeros((len(codes), LAYOUT.width), np.float32)
        x[:, axis.column : axis.column + axis.width] = axis.values(codes, rng())
        assert axis.codes(x).tolist() == codes.tolist()


def test_a_rare_class_is_drawn_as_often_as_any_other() -> None:
    x, y = rows(200)
    y[:] = 0
    y[:3] = 1
    assert 0.4 < draw(released(x, y), 1000, rng()).y.mean() < 0.6


def test_the_same_release_and_seed_give_the_same_rows() -> None:
    release = released(*rows(40), seeded_noise(rng()))
    again = NoisyRelease.model_validate_json(release.model_dump_json())
    assert draw(release, 50, rng()).x.tobytes() == draw(again, 50, rng()).x.tobytes()


def test_counts_below_zero_are_drawn_from_like_zero() -> None:
    def below(counts: Counts, sensitivity: int, epsilon: float) -> Counts:  # noqa: ARG001
        return counts - 1000

    x = draw(released(*rows(40), below), 300, rng()).x
    assert len(np.unique(x[:, 3])) == 3


def test_too_many_cells_are_refused_before_any_is_made() -> None:
    wide = Layout(
        (Categorical(kind="categorical", name="a", categories=tuple(map(str, range(1000)))),)
    )
    x, y = np.zeros((2, 1000), np.float32), np.array([0, 1], np.int32)
    with pytest.raises(BadInput, match="cannot be counted"):
        measure(
            x,
            y,
            layout=wide,
            columns=np.arange(1000),
            classes=1000,
            epsilon=1.0,
            noise=without_noise,
            source="simulated",
        )
