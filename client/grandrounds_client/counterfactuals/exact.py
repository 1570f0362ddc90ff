"""The exact engine for one decision tree: clip x into every leaf, keep the best leaf."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.counterfactuals.problem import Problem, Solution, gaps, objective
from grandrounds_client.teacher import Leaves, Teacher
from grandrounds_protocol.errors import BadInput

CELLS = 4_000_000
"""Entries of a rows x leaves (x classes) table held at a time: 16 MB of float32."""


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
            remedy="choose the engine 'auto', 'adam' or 'swarm'",
        )
    leaves = teacher.leaves
    rows = max(1, CELLS // leaves.probabilities.size)
    parts = [
        _solve(leaves, problem.rows(slice(at, at + rows)))
        for at in range(0, max(len(problem), 1), rows)
    ]
    return Solution(
        x=np.concatenate([part.x for part in parts]),
        lam=np.concatenate([part.lam for part in parts]),
        smallest=np.concatenate([part.smallest for part in parts]),
    )


def _solve(leaves: Leaves, problem: Problem) -> Solution:
    inner = _Inner.of(leaves, problem.margin)
    distance = _distances(leaves, inner, problem)
    gap = gaps(leaves.probabilities[None], problem.target[:, None])
    gap[np.isinf(distance)] = np.inf
    leaf, lam, smallest = _choose(distance, gap, problem)
    moved = _moved(problem.x, leaves.lower[leaf], leaves.upper[leaf], inner.rows(leaf))
    return Solution(np.where(problem.movable, moved, problem.x), lam, smallest)


@dataclass(frozen=True)
class _Inner:
    """Where x lands when it comes from below or above a box: `margin` inside of it."""

    low: Rows
    high: Rows

    @classmethod
    def of(cls, leaves: Leaves, margin: float) -> "_Inner":
        step = np.minimum(np.float32(margin), (leaves.upper - leaves.lower) / 2)
        return cls(
            np.minimum(leaves.lower + step, leaves.upper),
            np.maximum(leaves.upper - step, leaves.lower),
        )

    def rows(self, leaf: npt.NDArray[np.intp]) -> "_Inner":
        return _Inner(self.low[leaf], self.high[leaf])


def _moved(x: Rows, lower: Rows, upper: Rows, inner: _Inner) -> Rows:
    """Move what lies outside its box, and nothing else."""
    moved: Rows = np.where(x < lower, inner.low, np.where(x > upper, inner.high, x))
    return moved


def _distances(leaves: Leaves, inner: _Inner, problem: Problem) -> Floats:
    """Manhattan distance of each row to each leaf, float32 [n, L]; inf where out of reach."""
    columns = np.ascontiguousarray(problem.x.T)
    distance = np.empty((len(leaves.lower), len(problem)), dtype=np.float32)
    for leaf, path in enumerate(_paths(leaves)):
        part = columns[path]
        lower, upper = leaves.lower[leaf, path, None], leaves.upper[leaf, path, None]
        landing = _Inner(inner.low[leaf, path, None], inner.high[leaf, path, None])
        steps = np.abs(_moved(part, lower, upper, landing) - part)
        distance[leaf] = steps.sum(axis=0)
        stuck = (steps[~problem.movable[path]] > 0).any(axis=0)
        distance[leaf, stuck] = np.inf
    return distance.T


def _paths(leaves: Leaves) -> list[npt.NDArray[np.intp]]:
    """Columns each leaf constrains: the splits on its path, a handful of D."""
    constrained: Mask = (leaves.lower > 0) | (leaves.upper < 1)
    return [np.flatnonzero(row) for row in constrained]


def _choose(
    distance: Floats, gap: Floats, problem: Problem
) -> tuple[npt.NDArray[np.intp], Floats, Mask]:
    """Raise lambda per row until its best leaf is near enough, or cannot be nearer."""
    smallest = gap.min(axis=1)
    leaf = np.zeros(len(problem), dtype=np.intp)
    lam = np.full(len(problem), problem.lambdas[-1], dtype=np.float32)
    left = np.arange(len(problem))
    for value in problem.lambdas:
        leaf[left] = objective(distance[left], gap[left], value).argmin(axis=1)
        lam[left] = value
        reached = gap[left, leaf[left]]
        left = left[reached > np.maximum(problem.epsilon, smallest[left])]
    return leaf, lam, gap[np.arange(len(problem)), leaf] <= smallest
