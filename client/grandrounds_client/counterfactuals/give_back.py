"""After the search: put columns back to the seed where the objective does not get worse."""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.counterfactuals.problem import Problem, distances, gaps, objective
from grandrounds_client.teacher import Teacher

TRIALS = 32
"""Evaluations per pass: where more columns moved, they are tried in groups."""
SHARES: tuple[float, ...] = (1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25)
"""Share of a column's move that each pass of `give_back` tries to return.

Whole moves three times: the groups are smaller once fewer columns are left.
"""


def give_back(teacher: Teacher, problem: Problem, moved: Rows, lam: Floats) -> Rows:
    """Return x' after offering back every column in turn, largest move first, then parts.

    All rows take their turn together; about `TRIALS` evaluations per row and pass.
    """
    trials = _Trials(teacher, problem, moved, lam)
    for share in SHARES:
        rank = _ranks(np.abs(trials.x - problem.x))
        group = int(np.ceil((rank.max(initial=-1) + 1) / TRIALS)) or 1
        for turn in range(int(rank.max(initial=-1)) // group + 1):
            trials.attempt((rank >= 0) & (rank // group == turn), share)
    return trials.x


class _Trials:
    """x' as it stands, and what the last accepted trial made of it."""

    def __init__(self, teacher: Teacher, problem: Problem, moved: Rows, lam: Floats) -> None:
        self._teacher, self._problem, self._lam = teacher, problem, lam
        self.x = moved.copy()
        self._gap = self._gaps(self.x, slice(None))
        self._cost = objective(distances(self.x, problem.x), self._gap, lam)

    def attempt(self, columns: Mask, share: float) -> None:
        """Return a share of the moves in the given columns, bool [N, D], where that is no worse.

        A row within epsilon stays within: a smaller objective is no gain if it is
        bought with convergence.
        """
        rows = np.flatnonzero(columns.any(axis=1))
        if not len(rows):
            return
        x, seed = self.x[rows], self._problem.x[rows]
        back = seed if share == 1 else x + np.float32(share) * (seed - x)
        trial = np.where(columns[rows], back, x)
        gap = self._gaps(trial, rows)
        cost = objective(distances(trial, seed), gap, self._lam[rows])
        near = gap <= np.maximum(self._problem.epsilon, self._gap[rows])
        kept = near & (cost <= self._cost[rows])
        at = rows[kept]
        self.x[at], self._gap[at], self._cost[at] = trial[kept], gap[kept], cost[kept]

    def _gaps(self, x: Rows, rows: slice | npt.NDArray[np.intp]) -> Floats:
        return gaps(self._teacher.predict_proba(x), self._problem.target[rows])


def _ranks(steps: Rows) -> npt.NDArray[np.intp]:
    """Place of each column among its row's moves, largest first, int [N, D]; -1: unmoved."""
    order = np.argsort(-steps, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(steps.shape[1])[None], axis=1)
    return np.where(steps > 0, rank, -1)
