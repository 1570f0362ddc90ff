"""Whole lines of an ensemble against the ensemble itself, asked point by point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from grandrounds_client.arrays import Rows
from grandrounds_client.counterfactuals import lines
from grandrounds_client.counterfactuals.lines import Lines
from tests.client.counterfactuals.toy_teachers import ensemble_of


def fitted(seed: int, trees: int, classes: int = 2) -> RandomForestClassifier:
    rng = np.random.default_rng(seed)
    x = rng.random((120, 5), dtype=np.float32)
    x[:, 3] = x[:, 3] > 0.5
    y = (x[:, 0] + x[:, 1] * x[:, 3] + rng.random(120) > 1.2) + (classes > 2) * (x[:, 2] > 0.6)
    return RandomForestClassifier(trees, min_samples_leaf=2, random_state=seed).fit(x, y)


def compare(forest: RandomForestClassifier, movable: list[int], rows: Rows) -> None:
    """Ask about every end of every bin of every line."""
    free = np.isin(np.arange(5), movable)
    asked = Lines(ensemble_of(forest), free)
    bins = asked.bins
    found = asked.scores(bins.of(rows))
    assert set(bins.column[: asked.moving]) <= set(movable)
    column = np.repeat(bins.column, np.diff(bins.first))[asked.offered]
    for ends in (bins.lower, bins.upper):
        moved = np.repeat(rows[:, None], len(column) + 1, axis=1)  # the last as it is
        moved[:, np.arange(len(column)), column] = ends[asked.offered]
        expected = forest.predict_proba(moved.reshape(-1, 5)).reshape(found.shape)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    trees=st.integers(1, 9),
    classes=st.integers(2, 3),
    movable=st.sampled_from([[0, 1, 2, 3, 4], [0, 3], [2]]),
)
def test_every_bin_of_every_line_is_what_the_ensemble_answers_there(
    seed: int, trees: int, classes: int, movable: list[int]
) -> None:
    rows = np.random.default_rng(seed).random((6, 5), dtype=np.float32)
    rows[0], rows[1] = 0, 1
    compare(fitted(seed, trees, classes), movable, rows)


def test_of_many_bins_some_are_offered_and_as_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "OFFERED", 4)
    forest, rows = fitted(1, 20), np.random.default_rng(1).random((6, 5), dtype=np.float32)
    compare(forest, [0, 1, 2, 3, 4], rows)
    asked = Lines(ensemble_of(forest), np.ones(5, np.bool_))
    each = np.histogram(asked.offered, asked.bins.first)[0]
    assert (each == np.minimum(np.diff(asked.bins.first), 4)).all()
    assert {0, asked.bins.first[1] - 1} <= set(asked.offered)  # both ends of a column


@pytest.mark.parametrize("group", [1, 40, 64])
def test_groups_of_trees_add_up(group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "GROUP", group)
    forest = fitted(3, 8)
    rows = np.random.default_rng(3).random((6, 5), dtype=np.float32)
    compare(forest, [0, 1, 2, 3, 4], rows)
    assert len(Lines(ensemble_of(forest), np.ones(5, np.bool_))._groups) >= 3


def test_a_row_is_in_the_bin_whose_ends_hold_it() -> None:
    bins = Lines(ensemble_of(fitted(0, 5)), np.ones(5, np.bool_)).bins
    rows = np.random.default_rng(0).random((50, 5), dtype=np.float32)
    rows[:10] = bins.lower[:10, None]
    rows[10:20] = bins.upper[:10, None]
    at = bins.of(rows)
    part = rows[:, bins.column]
    assert ((bins.lower[at] <= part) & (part <= bins.upper[at])).all()
