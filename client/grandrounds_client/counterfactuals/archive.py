"""The best point each instance has visited, for every lambda at once."""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.counterfactuals.problem import Problem

Stages = npt.NDArray[np.intp]
"""Index into the schedule, one per instance."""


class Archive:
    """What raising lambda would choose among all points seen so far, without asking again.

    Parameters
    ----------
    problem : Problem
        n instances and K lambdas.

    Attributes
    ----------
    gap : float32 [n, K]
        |f(x') - y'| of the best point at each lambda.
    """

    def __init__(self, problem: Problem) -> None:
        shape = (len(problem), len(problem.lambdas))
        self._lambdas = np.asarray(problem.lambdas, dtype=np.float32)
        self._x = np.repeat(problem.x[:, None], shape[1], axis=1)
        self._cost = np.full(shape, np.inf, dtype=np.float32)
        self.gap = np.full(shape, np.inf, dtype=np.float32)

    def see(self, position: Rows, distance: Floats, gap: Floats) -> None:
        """Enter visited points: position [n, P, D], distance and gap [n, P]."""
        rows = np.arange(len(position))
        for stage, lam in enumerate(self._lambdas):
            cost = distance + lam * gap * gap
            best = cost.argmin(axis=1)
            better = cost[rows, best] < self._cost[:, stage]
            at, particle = rows[better], best[better]
            self._x[at, stage] = position[at, particle]
            self._cost[at, stage] = cost[at, particle]
            self.gap[at, stage] = gap[at, particle]

    def best(self, stage: Stages) -> Rows:
        """Return each instance's best point at its stage, float32 [n, D]."""
        x: Rows = self._x[np.arange(len(stage)), stage]
        return x

    def first(self, epsilon: float) -> tuple[Stages, Mask]:
        """Return the first stage whose best point is within epsilon, and whether there is one."""
        met = self.gap <= epsilon
        some: Mask = np.asarray(met.any(axis=1))
        return met.argmax(axis=1), some

    def keep(self, kept: Mask) -> None:
        """Forget the other instances."""
        self._x, self._cost, self.gap = self._x[kept], self._cost[kept], self.gap[kept]
