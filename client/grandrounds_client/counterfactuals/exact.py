"""The exact engine for one decision tree: clip x into every leaf, keep the best leaf."""

from dataclasses import dataclass

import numpy as np

from grandrounds_client.arrays import Floats, Mask, Probabilities
from grandrounds_client.counterfactuals.leaf_distances import Indices, LeafDistances
from grandrounds_client.counterfactuals.problem import Problem, Solution, gaps, objective
from grandrounds_client.teacher import Leaves, Teacher
from grandrounds_protocol.errors import BadInput

CELLS = 4_000_000
"""Entries of a table with a column per row held at a time: 16 MB of float32."""
ROUNDING = 1e-6
"""Two values of a tree whose gaps differ by no more are equally near."""


def exact(teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
    """Solve CKD eq. 2 for a single tree; the global optimum up to `problem.margin`.

    The tree is constant on each leaf's box, so the nearest point of the best box is the
    answer, and one table of distances serves every lambda. A row has converged when its
    gap is at most epsilon, or when no leaf it can reach has a smaller gap: a tree takes
    few values, and y' is mostly not among them.

    Raises
    ------
    BadInput
        The teacher is not a single tree.
    """
    if teacher.leaves is None:
        raise BadInput(
            "the exact engine needs a single decision tree",
            where=f"the {teacher.algorithm} of {teacher.name}",
            remedy="choose the engine 'auto' or 'swarm'",
        )
    values = _Values.of(teacher.leaves)
    distances = LeafDistances.of(values.leaves, problem.margin)
    rows = max(1, CELLS // distances.widest)
    parts = [
        _solve(values, distances, problem.rows(slice(at, at + rows)))
        for at in range(0, max(len(problem), 1), rows)
    ]
    return Solution(
        x=np.concatenate([part.x for part in parts]),
        lam=np.concatenate([part.lam for part in parts]),
        smallest=np.concatenate([part.smallest for part in parts]),
    )


@dataclass(frozen=True)
class _Values:
    """The few distinct values of a tree, and its leaves in their order.

    Of all leaves with the same value only the nearest counts.

    Attributes
    ----------
    leaves : Leaves
        L leaves, those of the same value side by side.
    distinct : float32 [V, C]
    first : int [V + 1]
        Where the leaves of each value begin, and L.
    """

    leaves: Leaves
    distinct: Probabilities
    first: Indices

    @classmethod
    def of(cls, leaves: Leaves) -> "_Values":
        distinct, value = np.unique(leaves.probabilities, axis=0, return_inverse=True)
        value = value.reshape(-1)
        order = np.argsort(value, kind="stable")
        first = np.searchsorted(value[order], np.arange(len(distinct) + 1))
        in_order = Leaves(leaves.lower[order], leaves.upper[order], leaves.probabilities[order])
        return cls(in_order, distinct, first)

    def nearest(self, distance: Floats) -> Floats:
        """Distance of each row to the nearest leaf of each value, float32 [n, V]."""
        return np.minimum.reduceat(distance, self.first[:-1], axis=0).T

    def leaf(self, value: Indices, distance: Floats) -> Indices:
        """Return the nearest leaf that has each row's value, int [n]."""
        leaf = np.empty(len(value), dtype=np.intp)
        for one in np.unique(value):
            rows, first = np.flatnonzero(value == one), self.first[one]
            leaf[rows] = first + distance[first : self.first[one + 1], rows].argmin(axis=0)
        return leaf


def _solve(values: _Values, distances: LeafDistances, problem: Problem) -> Solution:
    distance = distances.to(problem.x, problem.movable)
    nearest = values.nearest(distance)
    gap = gaps(values.distinct[None], problem.target[:, None])
    gap[np.isinf(nearest)] = np.inf
    value, lam, smallest = _choose(nearest, gap, problem)
    moved = distances.land(problem.x, values.leaf(value, distance))
    return Solution(np.where(problem.movable, moved, problem.x), lam, smallest)


def _choose(distance: Floats, gap: Floats, problem: Problem) -> tuple[Indices, Floats, Mask]:
    """Raise lambda per row until its best value is near enough, or cannot be nearer."""
    smallest = gap.min(axis=1) + ROUNDING
    value = np.zeros(len(problem), dtype=np.intp)
    lam = np.full(len(problem), problem.lambdas[-1], dtype=np.float32)
    left = np.arange(len(problem))
    for weight in problem.lambdas:
        value[left] = objective(distance[left], gap[left], weight).argmin(axis=1)
        lam[left] = weight
        reached = gap[left, value[left]]
        left = left[reached > np.maximum(problem.epsilon, smallest[left])]
    return value, lam, gap[np.arange(len(problem)), value] <= smallest
