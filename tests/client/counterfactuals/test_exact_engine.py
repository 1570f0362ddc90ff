"""The exact engine against every combination of breakpoints, asked of the tree itself."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.counterfactuals import Problem, find, gaps, objective, target
from grandrounds_client.counterfactuals.exact import exact
from grandrounds_client.teacher import Leaves, Teacher
from tests.client.counterfactuals.toy_teachers import from_sklearn, leaves_of


def small_tree(seed: int, classes: int = 2) -> tuple[Teacher, DecisionTreeClassifier]:
    rng = np.random.default_rng(seed)
    x = rng.random((60, 3), dtype=np.float32)
    tree = DecisionTreeClassifier(max_leaf_nodes=7, min_samples_leaf=4, random_state=0)
    tree.fit(x, rng.permutation(np.arange(60) % classes))
    teacher = from_sklearn(tree, x, leaves=leaves_of(tree))
    return replace(teacher, classes=classes), tree


def breakpoints(tree: DecisionTreeClassifier, column: int, value: np.float32) -> Rows:
    """Every coordinate at which an optimum can stand: the seed's, and both sides of a split."""
    splits = tree.tree_.threshold[tree.tree_.feature == column]
    below = splits.astype(np.float32)
    below = np.where(below > splits, np.nextafter(below, np.float32(-1)), below)
    return np.unique(np.concatenate([[value], below, np.nextafter(below, np.float32(2))]))


def brute_force(
    teacher: Teacher, tree: DecisionTreeClassifier, seed: Rows, wanted: Rows, lam: float
) -> float:
    axes = [
        breakpoints(tree, column, seed[column]) if column in teacher.columns else [seed[column]]
        for column in range(3)
    ]
    points = np.array(list(product(*axes)), dtype=np.float32)
    distance: Floats = np.abs(points - seed).sum(axis=1)
    gap = gaps(teacher.predict_proba(points), wanted)
    return float(objective(distance, gap, lam).min())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    classes=st.integers(2, 3),
    lam=st.sampled_from([0.3, 1.0, 4.0, 100.0]),
    columns=st.sampled_from([[0, 1, 2], [1], [0, 2]]),
)
def test_no_combination_of_breakpoints_is_better(
    seed: int, classes: int, lam: float, columns: list[int]
) -> None:
    teacher, tree = small_tree(seed, classes)
    teacher = replace(teacher, columns=np.array(columns))
    rng = np.random.default_rng(seed + 1)
    x = rng.random((8, 3), dtype=np.float32)
    start = teacher.predict_proba(x)
    wanted = target(start, rng.integers(0, classes, 8).astype(np.int32), 0.5)
    movable = np.isin(np.arange(3), columns)
    problem = Problem(x, start, wanted, movable, epsilon=0.01, lambdas=(lam,))
    found = exact(teacher, problem, rng).x
    reached = objective(
        np.abs(found - x).sum(axis=1), gaps(teacher.predict_proba(found), wanted), lam
    )
    best = [brute_force(teacher, tree, *row, lam) for row in zip(x, wanted, strict=True)]
    np.testing.assert_allclose(reached, best, rtol=1e-5, atol=1e-6)


def step(at: float = 0.5) -> Teacher:
    """Split the first of two columns at a value: class 1 has .1 below and .8 above."""
    below = np.float32(at)
    leaves = Leaves(
        lower=np.array([[0, 0], [np.nextafter(below, np.float32(2)), 0]], np.float32),
        upper=np.array([[below, 1], [1, 1]], np.float32),
        probabilities=np.array([[0.9, 0.1], [0.2, 0.8]], np.float32),
    )

    def predict(x: Rows) -> Rows:
        found: Rows = leaves.probabilities[(x[:, 0] > below).astype(int)]
        return found

    return Teacher("north", "tree", np.array([0, 1]), 2, predict, leaves)


ONE = np.array([1], np.int32)


@pytest.mark.parametrize(("margin", "lands"), [(0.0, 0.5), (0.01, 0.51), (0.9, 0.75)])
def test_x_stands_behind_the_split_by_the_margin_or_half_the_box(
    rng: np.random.Generator, margin: float, lands: float
) -> None:
    x = np.array([[0.3, 0.6]], np.float32)
    found = find(step(), x, ONE, rng=rng, margin=margin)
    np.testing.assert_allclose(found.x, [[lands, 0.6]], atol=1e-6)
    assert found.x[0, 0] > 0.5


def test_a_row_already_behind_the_split_is_not_pushed_on(rng: np.random.Generator) -> None:
    x = np.array([[np.nextafter(np.float32(0.5), np.float32(1)), 0.6]], np.float32)
    found = find(step(), x, ONE, rng=rng, margin=0.1)
    assert np.array_equal(found.x, x)


def test_the_nearest_attainable_value_counts_as_converged(rng: np.random.Generator) -> None:
    found = find(step(), np.array([[0.3, 0.6]], np.float32), ONE, rng=rng)
    assert found.gap[0] > 0.05
    assert found.converged[0]
    assert found.lam[0] == 1


def test_a_leaf_behind_a_column_that_may_not_move_is_out_of_reach(
    rng: np.random.Generator,
) -> None:
    teacher = replace(step(), columns=np.array([1]))
    x = np.array([[0.3, 0.6], [0.7, 0.6]], np.float32)
    found = find(teacher, x, np.array([1, 0], np.int32), rng=rng)
    assert np.array_equal(found.x, x)
    assert found.converged.all()


def test_lambda_rises_until_the_leaf_is_worth_its_distance(
    rng: np.random.Generator, rows: Rows, labels: Labels, teachers: dict[str, Teacher]
) -> None:
    teacher, x = teachers["tree"], rows[300:360]
    found = find(teacher, x, labels[300:360], rng=rng, margin=0.0)
    start = teacher.predict_proba(x)
    wanted = target(start, labels[300:360], 0.5)
    for lam in np.unique(found.lam[found.converged & (found.lam > 1)]):
        at = found.lam == lam
        movable = np.ones(25, dtype=np.bool_)
        lower = Problem(x[at], start[at], wanted[at], movable, 0.05, lambdas=(float(lam) / 4,))
        short = exact(teacher, lower, rng)
        assert (gaps(teacher.predict_proba(short.x), wanted[at]) > 0.05).all()


def test_a_wide_table_is_solved_in_pieces(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, rows: Rows, labels: Labels,
    teachers: dict[str, Teacher],
) -> None:  # fmt: skip
    whole = find(teachers["tree"], rows[:50], labels[:50], rng=rng)
    monkeypatch.setattr("grandrounds_client.counterfactuals.exact.CELLS", 300)
    assert np.array_equal(find(teachers["tree"], rows[:50], labels[:50], rng=rng).x, whole.x)
