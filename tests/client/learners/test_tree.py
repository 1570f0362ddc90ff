"""What is particular to the decision tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grandrounds_client.learners.tree import DecisionTree
from grandrounds_client.release import export
from tests.client.learners.data import CASES, COLUMNS, WIDTH, rows_of, run, widen


@pytest.mark.parametrize("min_leaf", [1, 5, 10, 20])
def test_no_leaf_holds_fewer_rows_than_asked(min_leaf: int) -> None:
    x, y = rows_of(CASES[1], count=200)
    weight = np.linspace(0.01, 100, 200, dtype=np.float32)
    tree = DecisionTree(min_leaf=min_leaf).fit(x, y, classes=3, weight=weight, seed=0)
    _, counts = np.unique(tree.model.apply(x), return_counts=True)
    assert counts.min() >= min_leaf


def test_no_path_is_longer_than_asked() -> None:
    x, y = rows_of(CASES[1], count=200)
    tree = DecisionTree(min_leaf=1, max_depth=2).fit(x, y, classes=3, weight=None, seed=0)
    assert tree.model.get_depth() == 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1, width=32), st.integers(1, 3))
def test_the_release_splits_where_the_tree_splits(seed: int, shift: float, ulps: int) -> None:
    rng = np.random.default_rng(seed)
    # Neighbouring float32 numbers: their midpoint has to be rounded to one side.
    low = np.full((20, len(COLUMNS)), shift, dtype=np.float32)
    x = low + rng.integers(0, 1 + ulps, size=low.shape) * np.spacing(low)
    y = rng.integers(0, 2, size=20).astype(np.int32)
    y[:2] = 0, 1
    tree = DecisionTree(min_leaf=1).fit(x, y, classes=2, weight=None, seed=0)
    graph = export(tree, COLUMNS, WIDTH)
    np.testing.assert_array_equal(run(graph, widen(x)), tree.predict_proba(x))
