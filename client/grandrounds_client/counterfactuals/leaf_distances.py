"""How far every row is from every leaf of a tree, and where it would land."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.teacher import Leaves

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class LeafDistances:
    """A tree's boxes as the walls one has to cross to enter them.

    Boxes of one tree share their walls: 1,199 leaves of a tree over 275 columns have 13,000
    walls, of which some 2,000 differ. The step over each is computed once per row, and a
    leaf's distance is the sum of its steps: one sparse product.

    Parameters
    ----------
    leaves : Leaves
    margin : float
        How far inside a box a row lands; half the box where that is narrower.
    """

    leaves: Leaves
    _low: Rows
    _high: Rows
    _below: "_Walls"
    _above: "_Walls"
    _crossed: csr_array

    @classmethod
    def of(cls, leaves: Leaves, margin: float) -> "LeafDistances":
        """Find the walls."""
        step = np.minimum(np.float32(margin), (leaves.upper - leaves.lower) / 2)
        low = np.minimum(leaves.lower + step, leaves.upper)
        high = np.maximum(leaves.upper - step, leaves.lower)
        below, enters_from_below = _walls(leaves.lower, low, leaves.lower > 0)
        above, enters_from_above = _walls(leaves.upper, high, leaves.upper < 1)
        crossed = _crossings(
            (enters_from_below, enters_from_above),
            (len(leaves.lower), len(below.column), len(above.column)),
        )
        return cls(leaves, low, high, below, above, crossed)

    @property
    def widest(self) -> int:
        """Numbers per row that `to` holds at a time."""
        leaves, walls = self._crossed.shape
        return int(max(leaves, walls))

    def to(self, x: Rows, movable: Mask) -> Floats:
        """Manhattan distance of each row [n, D] to each leaf, float32 [L, n]; inf: out of reach."""
        columns = np.ascontiguousarray(x.T)
        steps = np.concatenate(
            [
                self._below.steps(columns, np.less, movable),
                self._above.steps(columns, np.greater, movable),
            ]
        )
        distances: Floats = self._crossed @ steps
        return distances

    def land(self, x: Rows, leaf: Indices) -> Rows:
        """Move what lies outside of each row's leaf [n] inside, and nothing else."""
        lower, upper = self.leaves.lower[leaf], self.leaves.upper[leaf]
        moved = np.where(x > upper, self._high[leaf], x)
        landed: Rows = np.where(x < lower, self._low[leaf], moved)
        return landed


@dataclass(frozen=True)
class _Walls:
    """Distinct walls: the column, where the wall stands, where one lands behind it, each [K]."""

    column: Indices
    wall: Floats
    landing: Floats

    def steps(self, columns: Rows, outside: np.ufunc, movable: Mask) -> Floats:
        """Step over each wall from each row [D, n] that is outside of it, else 0, [K, n]."""
        x = columns[self.column]
        step: Floats = np.abs(self.landing[:, None] - x) * outside(x, self.wall[:, None])
        stuck = ~movable[self.column]
        step[stuck] = np.where(step[stuck] > 0, np.float32(np.inf), np.float32(0))
        return step


def _walls(wall: Rows, landing: Rows, stands: Mask) -> tuple[_Walls, tuple[Indices, Indices]]:
    """Return the distinct walls, and as (leaf, index of the wall) who stands behind which."""
    leaf, column = np.nonzero(stands)
    wall, landing = wall[leaf, column], landing[leaf, column]
    order = np.lexsort((landing, wall, column))
    sorted_ = _Walls(column[order], wall[order], landing[order])
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (
        (np.diff(sorted_.column) != 0)
        | (np.diff(sorted_.wall) != 0)
        | (np.diff(sorted_.landing) != 0)
    )
    index = np.empty(len(order), dtype=np.intp)
    index[order] = np.cumsum(fresh) - 1
    distinct = _Walls(sorted_.column[fresh], sorted_.wall[fresh], sorted_.landing[fresh])
    return distinct, (leaf, index)


def _crossings(
    sides: tuple[tuple[Indices, Indices], tuple[Indices, Indices]], sizes: tuple[int, int, int]
) -> csr_array:
    """Ones where a leaf [L] lies behind a wall, those entered from below first, [L, K]."""
    leaves, below, above = sizes
    leaf = np.concatenate([sides[0][0], sides[1][0]])
    wall = np.concatenate([sides[0][1], sides[1][1] + below])
    ones = np.ones(len(leaf), dtype=np.float32)
    return csr_array((ones, (leaf, wall)), shape=(leaves, below + above))
