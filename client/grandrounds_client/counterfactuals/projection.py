"""Back to values a record can hold: one category per group, ordinals on their levels.

Each feature has a few sensible values: the seed's, the nearest, and for a category the
ones moved towards most. Which one to take is the model's to judge, by the objective.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.counterfactuals.problem import (
    Problem,
    Solution,
    distances,
    gaps,
    objective,
)
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout

CATEGORIES = 4
"""How many of the categories that gained most are tried: a tree may only say which to leave."""


def project(teacher: Teacher, problem: Problem, solution: Solution, layout: Layout) -> Rows:
    """Return x' with every movable group one-hot and every movable ordinal on a level.

    Starts from the nearest values and then, feature by feature, takes the value with the
    lowest objective at the row's lambda; where even that is worse than the seed, and the
    seed is a valid row, the seed comes back. A group the teacher reads only in part
    returns to the seed. A group that is all zero in the seed (missing) may stay so.

    Returns
    -------
    float32 [N, D]
    """
    features = list(_features(problem, solution.x, layout))
    x = solution.x.copy()
    for columns, values in features:
        x[:, columns] = values[0]
    state = _State(teacher, problem, solution.lam, x)
    for columns, values in features:
        for value in values[1:]:
            trial = state.x.copy()
            trial[:, columns] = value
            state.offer(trial, (trial != state.x).any(axis=1))
    state.offer(problem.x, valid(problem.x, layout))
    return state.x


class _State:
    """Projected rows, and what they cost."""

    def __init__(self, teacher: Teacher, problem: Problem, lam: Floats, x: Rows) -> None:
        self._teacher, self._problem, self._lam = teacher, problem, lam
        self.x = x
        self._cost = self._objective(x, np.arange(len(x)))

    def offer(self, trial: Rows, allowed: Mask) -> None:
        """Take the allowed rows of a trial that cost less."""
        rows = np.flatnonzero(allowed)
        if not len(rows):
            return
        cost = self._objective(trial[rows], rows)
        better = cost < self._cost[rows]
        at = rows[better]
        self.x[at], self._cost[at] = trial[at], cost[better]

    def _objective(self, x: Rows, rows: npt.NDArray[np.intp]) -> Floats:
        gap = gaps(self._teacher.predict_proba(x), self._problem.target[rows])
        return objective(distances(x, self._problem.x[rows]), gap, self._lam[rows])


def _features(problem: Problem, moved: Rows, layout: Layout) -> Iterator[tuple[slice, list[Rows]]]:
    """Columns of each projected feature, and the values it may take, nearest first."""
    for group in layout.one_hot_groups:
        movable = problem.movable[group]
        if movable.all():
            yield group, _categories(problem.x[:, group], moved[:, group])
        elif movable.any():
            yield group, [problem.x[:, group]]
    for column, levels in layout.ordinal_levels:
        if problem.movable[column]:
            place = slice(column, column + 1)
            yield place, _levels(problem.x[:, place], moved[:, place], levels)


def _categories(seed: Rows, moved: Rows) -> list[Rows]:
    kept = np.where((_one_hot(seed) | _missing(seed))[:, None], seed, _hottest(seed))
    still = (seed == moved).all(axis=1)[:, None]
    towards = np.argsort(seed - moved, axis=1, kind="stable")[:, :CATEGORIES]
    certain = np.eye(seed.shape[1], dtype=np.float32)
    values = [_hottest(moved), *(certain[category] for category in towards.T)]
    return [*(np.where(still, kept, value) for value in values), kept]


def _levels(seed: Rows, moved: Rows, levels: int) -> list[Rows]:
    steps = levels - 1
    place = moved.astype(np.float64) * steps
    places = [np.rint(place), np.floor(place), np.ceil(place), np.rint(seed * float(steps))]
    return [(value / steps).astype(np.float32) for value in places]


def valid(x: Rows, layout: Layout) -> Mask:
    """Return which rows hold only values a record can hold, bool [N]."""
    good = np.ones(len(x), dtype=np.bool_)
    for group in layout.one_hot_groups:
        good &= _one_hot(x[:, group]) | _missing(x[:, group])
    for column, levels in layout.ordinal_levels:
        part = x[:, column : column + 1]
        good &= (_levels(part, part, levels)[0] == part)[:, 0]
    return good


def _one_hot(part: Rows) -> Mask:
    single: Mask = ((part == 1).sum(axis=1) == 1) & ((part != 0).sum(axis=1) == 1)
    return single


def _missing(part: Rows) -> Mask:
    missing: Mask = (part == 0).all(axis=1)
    return missing


def _hottest(part: Rows) -> Rows:
    hot: Rows = np.eye(part.shape[1], dtype=np.float32)[part.argmax(axis=1)]
    return hot
