"""The records of CKD eq. 2 and the three numbers it is made of: distance, gap, objective."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Labels, Mask, Probabilities, Rows
from grandrounds_client.teacher import Teacher

LAMBDAS: tuple[float, ...] = tuple(float(4**power) for power in range(9))
"""The geometric schedule 1, 4, 16, ..., 65536.

At 1 a gap of epsilon = .05 costs .0025: whatever is nearer than that to its target is
left alone. At 65536 it costs 164, more than crossing the whole box of 150 columns.
A factor of 4 halves the gap of a smooth teacher at each step, so lambda overshoots the
one that would just have met epsilon by less than one halving of the gap.
"""


@dataclass(frozen=True)
class Problem:
    """One instance of CKD eq. 2 per row.

    Attributes
    ----------
    x : float32 [N, D]
        Seeds, in [0, 1].
    start : float32 [N, C]
        f(x).
    target : float32 [N, C]
        y', what f(x') should be.
    movable : bool [D]
        Columns the teacher reads; no other may move.
    epsilon : float
        Largest |f(x') - y'| that counts as converged.
    margin : float
        How far past a crossed split x' should stand, in encoded units; engines that
        see no splits have no use for it.
    lambdas : tuple of float
        The schedule, ascending.
    """

    x: Rows
    start: Probabilities
    target: Probabilities
    movable: Mask
    epsilon: float
    margin: float = 0.0
    lambdas: tuple[float, ...] = LAMBDAS

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, chosen: slice | Mask | npt.NDArray[np.intp]) -> "Problem":
        """Return the same problem for some of the rows."""
        return replace(self, x=self.x[chosen], start=self.start[chosen], target=self.target[chosen])


@dataclass(frozen=True)
class Solution:
    """What an engine makes of a problem.

    Attributes
    ----------
    x : float32 [N, D]
        x', in [0, 1]; columns that may not move are those of the seed, bit for bit.
    lam : float32 [N]
        The lambda each row was last solved for.
    smallest : bool [N]
        Rows where the engine has proved that no point it may move to has a smaller
        gap; all False where it cannot know.
    """

    x: Rows
    lam: Floats
    smallest: Mask


Engine = Callable[[Teacher, Problem, np.random.Generator], Solution]
"""A way to solve CKD eq. 2: (teacher, problem, rng) -> solution."""


def target(probabilities: Probabilities, y: Labels, alpha: float) -> Probabilities:
    """Return y' = f(x) + alpha (onehot(y) - f(x)), float32 [N, C] (CKD, target).

    >>> target(np.float32([[0.2, 0.8]]), np.int32([0]), 0.5).round(2).tolist()
    [[0.6000000238418579, 0.4000000059604645]]
    """
    certain = np.eye(probabilities.shape[1], dtype=np.float32)[y]
    moved: Probabilities = probabilities + np.float32(alpha) * (certain - probabilities)
    return moved


def gaps(probabilities: Probabilities, wanted: Probabilities) -> Floats:
    """Return |f(x') - y'|, Euclidean over the last axis (classes); other axes broadcast."""
    difference = probabilities - wanted
    squared: Floats = np.einsum("...c,...c->...", difference, difference)
    return np.sqrt(squared)


def distances(moved: Rows, x: Rows) -> Floats:
    """Return d(x', x), Manhattan over the last axis (columns); other axes broadcast."""
    total: Floats = np.abs(moved - x).sum(axis=-1)
    return total


def objective(distance: Floats, gap: Floats, lam: Floats | float) -> Floats:
    """Return d(x', x) + lambda |f(x') - y'|^2 (CKD eq. 2)."""
    total: Floats = distance + np.float32(lam) * gap * gap
    return total
