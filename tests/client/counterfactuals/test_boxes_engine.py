"""The boxes engine against the optimum of small forests, and where it hands over."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.counterfactuals import (
    Counterfactuals,
    Problem,
    Solution,
    distances,
    find,
    gaps,
    objective,
    target,
)
from grandrounds_client.counterfactuals.lines import Lines
from grandrounds_client.teacher import Teacher, TreeEnsemble
from tests.client.counterfactuals.toy_teachers import ensemble_of, from_sklearn

boxes = importlib.import_module("grandrounds_client.counterfactuals.boxes")
COLUMNS = 4


def small_forest(seed: int) -> Teacher:
    rng = np.random.default_rng(seed)
    x = rng.random((150, COLUMNS), dtype=np.float32)
    y = (x[:, 0] + x[:, 1] * x[:, 2] + rng.random(150) * 0.5 > 1).astype(np.int32)
    forest = RandomForestClassifier(8, max_leaf_nodes=5, min_samples_leaf=5, random_state=seed)
    return from_sklearn(forest.fit(x, y), x, ensemble=ensemble_of(forest))


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("leaves", [16, 7])
def test_an_ensemble_may_split_on_one_column_only(columns: int, leaves: int) -> None:
    rng = np.random.default_rng(0)
    x = np.zeros((300, columns), np.float32)
    x[:, -1] = rng.random(300)
    y = (rng.random(300) < x[:, -1]).astype(np.int32)
    forest = RandomForestClassifier(4, max_leaf_nodes=leaves, random_state=0).fit(x, y)
    teacher = from_sklearn(forest, x, ensemble=ensemble_of(forest))
    assert teacher.ensemble is not None
    assert set(teacher.ensemble.column.tolist()) == {columns - 1}
    assert (len(teacher.ensemble.votes) % 64 == 0) == (leaves == 16)
    found = find(teacher, x[:40], y[:40], rng=np.random.default_rng(0))
    again = find(teacher, x[:40], y[:40], rng=np.random.default_rng(0), engine="swarm")
    assert found.engine == "boxes"
    assert found.converged.sum() >= again.converged.sum()


def every_point(view: TreeEnsemble, seed: Rows) -> Rows:
    """Return the points among which an optimum stands: in each column x, or a bin's near end."""
    bins = Lines(view, np.ones(COLUMNS, np.bool_)).bins
    axes = [np.array([value]) for value in seed]
    for at, column in enumerate(bins.column):
        lower, upper = bins.lower[bins.part(at)], bins.upper[bins.part(at)]
        axes[column] = np.clip(seed[column], lower, upper)
    return np.array(list(product(*axes)), dtype=np.float32)


def shortest(teacher: Teacher, seed: Rows, wanted: Rows, epsilon: float) -> float:
    """Return the proved least distance at which the gap is at most epsilon; inf if none is."""
    assert teacher.ensemble is not None
    points = every_point(teacher.ensemble, seed)
    near = gaps(teacher.predict_proba(points), wanted) <= epsilon
    return float(distances(points, seed)[near].min(initial=np.inf))


def least(teacher: Teacher, seed: Rows, wanted: Rows, lam: float) -> float:
    assert teacher.ensemble is not None
    points = every_point(teacher.ensemble, seed)
    gap = gaps(teacher.predict_proba(points), wanted)
    return float(objective(distances(points, seed), gap, lam).min())


def some(teacher: Teacher, seed: int, count: int = 30) -> tuple[Rows, Labels, Rows]:
    x = np.random.default_rng(seed).random((count, COLUMNS), dtype=np.float32)
    start = teacher.predict_proba(x)
    y = start.argmin(axis=1).astype(np.int32)
    return x, y, target(start, y, 0.5)


def test_its_way_is_near_the_shortest_there_is() -> None:
    ratios: list[float] = []
    ours, theirs = 0.0, 0.0
    for seed in range(4):
        teacher = small_forest(seed)
        x, y, wanted = some(teacher, seed)
        found = find(teacher, x, y, rng=np.random.default_rng(0), margin=0.0)
        best = np.array([shortest(teacher, *row, 0.05) for row in zip(x, wanted, strict=True)])
        reachable = np.isfinite(best)
        assert found.converged[reachable].mean() >= 0.95
        both = reachable & found.converged
        assert (found.distance[both] >= best[both] - 1e-6).all()
        ratios.extend(found.distance[both] / best[both])
        ours, theirs = ours + found.distance[both].sum(), theirs + best[both].sum()
    assert len(ratios) > 60
    assert ours / theirs < 1.25
    assert np.median(ratios) < 1.05


@pytest.mark.parametrize("lam", [1.0, 4.0, 16.0])
def test_its_objective_is_near_the_least_there_is(lam: float) -> None:
    teacher = small_forest(5)
    x, _, wanted = some(teacher, 5)
    problem = Problem(
        x, teacher.predict_proba(x), wanted, np.ones(COLUMNS, np.bool_), 0.05, lambdas=(lam,)
    )
    moved = boxes.boxes(teacher, problem, np.random.default_rng(0)).x
    gap = gaps(teacher.predict_proba(moved), wanted)
    reached: Floats = objective(distances(moved, x), gap, lam)
    best = [least(teacher, *row, lam) for row in zip(x, wanted, strict=True)]
    assert (reached >= np.array(best) - 1e-4).all()
    assert np.median(reached / best) < 1.05
    assert np.mean(reached / best) < 1.3


def test_x_stands_behind_its_splits_by_the_margin_where_the_next_leaves_room() -> None:
    teacher = small_forest(0)
    assert teacher.ensemble is not None
    x, y, _ = some(teacher, 0)
    bins = Lines(teacher.ensemble, np.ones(COLUMNS, np.bool_)).bins
    found = find(teacher, x, y, rng=np.random.default_rng(0), margin=1e-2).x
    row, column = np.nonzero(found != x)
    assert len(row) > 20
    place = {int(each): at for at, each in enumerate(bins.column)}
    for value, seed, at in zip(found[row, column], x[row, column], column, strict=True):
        within = bins.find(place[int(at)], np.array([value]))[0]
        lower, upper = bins.lower[within], bins.upper[within]
        behind = value - lower if value > seed else upper - value
        assert behind == pytest.approx(min(0.01, (upper - lower) / 2), abs=1e-6)


def both_or_none(x: Rows) -> Rows:
    """Answer .9 where both columns are above a half, .1 where one is, .4 where none is."""
    above = (x > 0.5).sum(axis=1)
    sure = np.array([0.4, 0.1, 0.9], np.float32)[above]
    return np.stack([1 - sure, sure], axis=1)


def tree(answer: Callable[[Rows], Rows], cuts: list[float]) -> Teacher:
    """Return a teacher that splits each column once and answers as it is told."""
    below = np.array(cuts, np.float32)
    sides = np.array(list(product([False, True], repeat=len(cuts))))
    low = np.where(sides, np.nextafter(below, np.float32(2)), np.float32(0))
    high = np.where(sides, np.float32(1), below)
    leaf, column = np.nonzero((low > 0) | (high < 1))
    view = TreeEnsemble(
        tree=np.zeros(len(low), np.int32),
        votes=answer(low),
        leaf=leaf.astype(np.int32),
        column=column.astype(np.int32),
        lower=low[leaf, column],
        upper=high[leaf, column],
        link=lambda scores: scores,
    )
    return Teacher("north", "trees", np.arange(len(cuts)), 2, answer, ensemble=view)


def two_small_or_one_large(x: Rows) -> Rows:
    """Answer .8 above a half in the last column, or above .31 in both others; else less."""
    small = x[:, :2] > np.float32(0.31)
    sure = np.where(small[:, 0], np.float32(0.3), np.float32(0.2))
    sure[(x[:, 2] > np.float32(0.5)) | small.all(axis=1)] = 0.8
    return np.stack([1 - sure, sure], axis=1)


def test_two_cheap_moves_are_found_where_one_dear_move_does(rng: np.random.Generator) -> None:
    teacher = tree(two_small_or_one_large, [0.31, 0.31, 0.5])
    x = np.full((1, 3), 0.3, np.float32)
    found = find(teacher, x, np.ones(1, np.int32), rng=rng, alpha=0.75, margin=0.0)
    assert found.converged.all()
    assert found.distance[0] == pytest.approx(0.02, abs=1e-5)
    assert found.lam[0] == 1


def test_moves_are_exchanged_for_shorter_ones(
    monkeypatch: pytest.MonkeyPatch, teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    def ask() -> Counterfactuals:
        rng = np.random.default_rng(0)
        return find(teachers["forest"], rows[:60], 1 - labels[:60], rng=rng)

    after = ask()
    monkeypatch.setattr(boxes, "_exchange", lambda _search: None)
    before = ask()
    assert np.array_equal(before.lam, after.lam)
    costs = [objective(found.distance, found.gap, found.lam) for found in (before, after)]
    assert (costs[1] <= costs[0] + 1e-3).all()
    assert after.distance.sum() < 0.99 * before.distance.sum()


def test_rows_that_do_not_arrive_are_given_to_the_swarm(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, x = tree(both_or_none, [0.5, 0.5]), np.full((3, 2), 0.3, np.float32)
    y = np.ones(3, np.int32)

    def ask() -> Rows:
        return find(teacher, x, y, rng=np.random.default_rng(0), alpha=0.85).x

    assert (ask() > 0.5).all()

    def idle(_teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
        none = np.zeros(len(problem), np.bool_)
        return Solution(problem.x, np.ones(len(problem), np.float32), none)

    monkeypatch.setattr(boxes, "swarm", idle)
    assert np.array_equal(ask(), x)


def test_a_worse_second_opinion_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = small_forest(1)
    x, y, _ = some(teacher, 1)
    alone = find(teacher, x, y, rng=np.random.default_rng(0), epsilon=1e-4)
    assert not alone.converged.all()

    def astray(_teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
        none = np.zeros(len(problem), np.bool_)
        return Solution(problem.x, np.ones(len(problem), np.float32), none)

    monkeypatch.setattr(boxes, "swarm", astray)
    again = find(teacher, x, y, rng=np.random.default_rng(0), epsilon=1e-4)
    assert (again.gap <= gaps(teacher.predict_proba(x), target_of(teacher, x, y))).all()
    assert (again.distance[~again.converged] > 0).any()


def target_of(teacher: Teacher, x: Rows, y: Labels) -> Rows:
    return target(teacher.predict_proba(x), y, 0.5)


def test_columns_that_no_leaf_asks_about_are_not_searched(rng: np.random.Generator) -> None:
    teacher = small_forest(2)
    assert teacher.ensemble is not None
    wide = replace(teacher, predict_proba=lambda x: teacher.predict_proba(x[:, :COLUMNS]))
    x = rng.random((5, COLUMNS + 1), dtype=np.float32)
    y = teacher.predict_proba(x[:, :COLUMNS]).argmin(axis=1).astype(np.int32)
    movable = np.arange(COLUMNS + 1) == COLUMNS
    found = find(replace(wide, columns=np.arange(COLUMNS + 1)), x, y, rng=rng, movable=movable)
    assert np.array_equal(found.x, x)
    assert (found.lam == 65536).all()


def test_memory_is_bounded_by_a_part_at_a_time(
    monkeypatch: pytest.MonkeyPatch, teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    def ask() -> Rows:
        rng = np.random.default_rng(0)
        return find(teachers["forest"], rows[:40], 1 - labels[:40], rng=rng).x

    whole = ask()
    monkeypatch.setattr(boxes, "CELLS", 1)
    assert np.array_equal(ask(), whole)
