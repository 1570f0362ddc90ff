"""The engine for ensembles of trees: the best move of one column, again and again, exactly."""

import numpy as np

from grandrounds_client.arrays import Floats, Rows
from grandrounds_client.counterfactuals.lines import Lines, Longs
from grandrounds_client.counterfactuals.problem import (
    Problem,
    Solution,
    gaps,
    objective,
)
from grandrounds_client.counterfactuals.swarm import swarm
from grandrounds_client.teacher import Teacher, TreeEnsemble
from grandrounds_protocol.errors import BadInput

BEGIN = (1 / 16, 1 / 4)
"""Shares of the first lambda at which rows set out: the cheapest moves first make a shorter
way, and raising lambda asks for nothing."""
MOVES = 64
"""Most moves of a row on its way to the target."""
ROUNDS = 8
"""How often at most a row exchanges one of its moves."""
CELLS = 2**18
"""Words, and bins, worked on at a time: 2 MB."""
_SURE = 0.999
"""Share of epsilon that is aimed at: the teacher adds up in another order."""
_GAIN = 1e-5
"""What a move must gain: digits that float32 sums still hold."""


def boxes(teacher: Teacher, problem: Problem, rng: np.random.Generator) -> Solution:
    """Solve CKD eq. 2 for an ensemble by exact coordinate descent over its leaves' boxes.

    `Lines` gives the teacher's answer wherever one column may move to. From the seed on,
    the move of least objective is made; where there is none, lambda is raised until there
    is, or the target is met. Then every moved column in turn is put back to the seed and
    the best move from there taken, if that is better. Rows that do not arrive are given
    to the swarm. A seed that already meets its target is returned as it is.

    Raises
    ------
    BadInput
        The teacher is not an ensemble of trees.
    """
    if teacher.ensemble is None:
        raise BadInput(
            "the boxes engine needs an ensemble of decision trees",
            where=f"the {teacher.algorithm} of {teacher.name}",
            remedy="choose the engine 'auto' or 'swarm'",
        )
    moved, lam = problem.x.copy(), np.full(len(problem), problem.lambdas[0], dtype=np.float32)
    far = np.flatnonzero(gaps(problem.start, problem.target) > problem.epsilon)
    if len(far) and not problem.movable[teacher.ensemble.column].any():
        lam[far] = problem.lambdas[-1]
    elif len(far):
        lines = Lines(teacher.ensemble, problem.movable)
        rows = max(1, CELLS // max(lines.words, len(lines.offered)))
        for at in range(0, len(far), rows):
            part = far[at : at + rows]
            moved[part], lam[part] = _solve(teacher.ensemble, lines, problem.rows(part))
        _second_opinion(teacher, problem, (moved, lam), rng)
    return Solution(moved, lam, np.zeros(len(problem), dtype=np.bool_))


def _second_opinion(
    teacher: Teacher, problem: Problem, found: tuple[Rows, Floats], rng: np.random.Generator
) -> None:
    """Let the swarm try the rows that have not converged, and keep what is nearer to y'."""
    moved, lam = found
    gap = gaps(teacher.predict_proba(moved), problem.target)
    missed = np.flatnonzero(gap > problem.epsilon)
    if len(missed):
        other = swarm(teacher, problem.rows(missed), rng)
        nearer = gaps(teacher.predict_proba(other.x), problem.target[missed]) < gap[missed]
        moved[missed[nearer]], lam[missed[nearer]] = other.x[nearer], other.lam[nearer]


def _solve(ensemble: TreeEnsemble, lines: Lines, problem: Problem) -> tuple[Rows, Floats]:
    search = _Search(ensemble, lines, problem)
    _descend(search)
    _exchange(search)
    return search.x(), np.maximum(search.lam, np.float32(problem.lambdas[0]))


class _Search:
    """n rows on their way.

    Attributes
    ----------
    seed, at : int64 [n, d]
        The bins they began in, and are in.
    distance, gap : float32 [n]
    lambdas : float32 [K]
        The schedule, and what it begins with.
    stage : int [n]
        Index into them.
    near : float
        The gap that is aimed at.
    """

    def __init__(self, ensemble: TreeEnsemble, lines: Lines, problem: Problem) -> None:
        self._lines, self._link, self.problem = lines, ensemble.link, problem
        self._free = lines.bins.column[: lines.moving]
        self._column = np.searchsorted(lines.bins.first, lines.offered, side="right") - 1
        seeds = problem.x[:, self._free[self._column]]
        self._length = np.abs(self._landing(lines.offered, seeds) - seeds)
        self.seed = lines.bins.of(problem.x)
        self.at = self.seed.copy()
        self.distance = np.zeros(len(problem), dtype=np.float32)
        self.gap = gaps(problem.start, problem.target)
        before = [share * problem.lambdas[0] for share in BEGIN]
        self.lambdas = np.array([*before, *problem.lambdas], dtype=np.float32)
        self.stage = np.zeros(len(problem), dtype=np.intp)
        self.near = problem.epsilon * _SURE

    @property
    def lam(self) -> Floats:
        """The lambda of each row, float32 [n]."""
        found: Floats = self.lambdas[self.stage]
        return found

    @property
    def cost(self) -> Floats:
        """The objective of each row at its lambda, float32 [n]."""
        return objective(self.distance, self.gap, self.lam)

    def x(self) -> Rows:
        """Return the rows as they stand, float32 [n, D]."""
        moved = self.problem.x.copy()
        moved[:, self._free] = self._landing(self.at[:, : len(self._free)], moved[:, self._free])
        return moved

    def lengths(self, at: Longs, row: Longs) -> Rows:
        """Return how far each column is moved in states [m, d] of these rows, [m, moving]."""
        seeds = self.problem.x[row][:, self._free]
        found: Rows = np.abs(self._landing(at[:, : len(self._free)], seeds) - seeds)
        return found

    def around(self, at: Longs, row: Longs) -> tuple[Floats, Floats]:
        """Return distance and gap of each choice from states [m, d], float32 [m, M + 1].

        A choice is to move one column to one of the bins that are offered; the last, to stay.
        """
        scores = self._lines.scores(at)
        probabilities = self._link(scores.reshape(-1, scores.shape[2]))
        gap = gaps(probabilities.reshape(*scores.shape[:2], -1), self.problem.target[row, None])
        lengths = self.lengths(at, row)
        total = lengths.sum(axis=1, keepdims=True)
        moved = (total - lengths)[:, self._column] + self._length[row]
        return np.concatenate([moved, total], axis=1), gap

    def put(self, row: Longs, at: Longs, choice: Longs, measured: tuple[Floats, Floats]) -> None:
        """Take a choice from a state for each of these rows; `around` has measured them."""
        moves = np.flatnonzero(choice < len(self._column))
        at[moves, self._column[choice[moves]]] = self._lines.offered[choice[moves]]
        self.at[row] = at
        self.distance[row], self.gap[row] = measured

    def _landing(self, at: Longs, x: Rows) -> Rows:
        """Return where values land in bins: `margin` behind the nearer end, or half way."""
        lower, upper = self._lines.bins.lower[at], self._lines.bins.upper[at]
        inner = np.minimum(np.float32(self.problem.margin), (upper - lower) / 2)
        below, above = np.minimum(lower + inner, upper), np.maximum(upper - inner, lower)
        found: Rows = np.where(x < lower, below, np.where(x > upper, above, x))
        return found


def _descend(search: _Search) -> None:
    """Make the best move of each row, raising lambda where there is none, until it is near."""
    row = np.arange(len(search.at))
    for _ in range(MOVES):
        distance, gap = search.around(search.at[row], row)
        best = _best(search, row, distance, gap)
        moving = np.flatnonzero(best >= 0)
        row, best = row[moving], best[moving]
        if not len(row):
            break
        search.put(row, search.at[row], best, (distance[moving, best], gap[moving, best]))


def _best(search: _Search, row: Longs, distance: Floats, gap: Floats) -> Longs:
    """Return each row's best move at the first lambda that has one, -1 where none has."""
    best = np.full(len(row), -1)
    left = np.arange(len(row))
    while len(left):
        lam = search.lam[row[left]]
        cost = objective(distance[left], gap[left], lam[:, None])
        lowest = cost.argmin(axis=1)
        better = cost[np.arange(len(left)), lowest] < search.cost[row[left]] - _GAIN
        best[left[better]] = lowest[better]
        left = left[~better]
        top = search.stage[row[left]] == len(search.lambdas) - 1
        left = left[(search.gap[row[left]] > search.near) & ~top]
        search.stage[row[left]] += 1
    return best


def _exchange(search: _Search) -> None:
    """Put one moved column back and take the best choice, as long as the objective falls.

    A row that is near stays so: a smaller objective is no gain if it is bought with
    convergence.
    """
    row = np.arange(len(search.at))
    bound = np.maximum(search.near, search.gap)
    for _ in range(ROUNDS):
        which, column = np.nonzero(search.lengths(search.at[row], row) > 0)
        if not len(which):
            break
        owner = row[which]
        without = search.at[owner]
        without[np.arange(len(owner)), column] = search.seed[owner, column]
        distance, gap = search.around(without, owner)
        cost = objective(distance, gap, search.lam[owner, None])
        cost[gap > bound[owner, None]] = np.inf
        choice = cost.argmin(axis=1)
        lowest = cost[np.arange(len(owner)), choice]
        order = np.lexsort((lowest, owner))
        first = order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
        taken = first[lowest[first] < search.cost[owner[first]] - _GAIN]
        row, choice = owner[taken], choice[taken]
        search.put(row, without[taken], choice, (distance[taken, choice], gap[taken, choice]))
