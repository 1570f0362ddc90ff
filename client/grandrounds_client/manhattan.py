"""Which rows are near which in Manhattan distance, with most of the work in matrix products."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask, Rows

_SKETCH = 64
"""Columns that are compared first: those that vary most."""
_FEW = 1 / 16
"""Share of pairs below which looking at them one by one beats looking at all."""
_STRIP = 16
"""Rows whose float64 distances to all others of a block fit the cache."""


@dataclass(frozen=True)
class Points:
    """Rows made ready to be compared.

    A column that is 0 or 1 in every row is whole: its differences are 0 or 1, so they
    equal their squares, and a matrix product counts them without rounding.

    Attributes
    ----------
    whole : float32 [n, W]
        The whole columns.
    rest : float64 [R, n]
        The others, in [0, 1].
    sketch, mirror : float32 [n, S + 2]
        A few columns, such that `sketch @ mirror.T` is the squared Euclidean distance there.
    """

    whole: Rows
    rest: npt.NDArray[np.float64]
    sketch: Rows
    mirror: Rows

    @classmethod
    def of(cls, x: Rows) -> "Points":
        """Split rows, float32 [n, D] in [0, 1], into whole columns and others."""
        whole = ((x == 0) | (x == 1)).all(axis=0)
        few = x[:, np.argsort(-x.std(axis=0), kind="stable")[:_SKETCH]] if len(x) else x
        squares = np.einsum("ij,ij->i", few, few)
        ones = np.ones_like(squares)
        return cls(
            np.ascontiguousarray(x[:, whole]),
            x[:, ~whole].T.astype(np.float64, order="C"),
            np.column_stack([few, squares, ones]),
            np.column_stack([-2 * few, ones, squares]),
        )

    def __len__(self) -> int:
        return len(self.whole)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> "Points":
        """Return the chosen rows; a slice copies nothing."""
        return Points(self.whole[rows], self.rest[:, rows], self.sketch[rows], self.mirror[rows])


def within(left: Points, right: Points, radius: float) -> Mask:
    """Return which rows of `left` lie at most `radius` from which of `right`, bool [n, m].

    The distance is the number of whole columns that differ, plus the differences in the
    others, summed in float64 column after column. It is symmetric, and the same on any
    processor and any number of threads. Float32 only rules pairs out: in [0, 1] a
    difference is at least its square, and squared Euclidean distances are one matrix
    product.
    """
    columns = left.whole.shape[1] + len(left.rest)
    radius = min(radius, columns)  # no distance is larger
    near: Mask = left.sketch @ right.mirror.T <= _limit(radius, left.sketch.shape[1])
    if _many(near):
        return _all(left, right, radius)
    at, to = near.nonzero()
    differ = np.count_nonzero(left.whole[at] != right.whole[to], axis=1)
    near[at, to] = differ + _summed(left, right, at, to) <= radius
    return near


def _limit(radius: float, columns: int) -> np.float32:
    """Squared distance, computed in float32, above which no pair is within the radius.

    Its terms come to at most 4 a column, and each is rounded at most twice a column and
    a few times more.
    """
    eps = float(np.finfo(np.float32).eps)
    return np.float32(radius + eps * (radius + 4 * columns * (2 * columns + 4)))


def _all(left: Points, right: Points, radius: float) -> Mask:
    """`within` where the sketch leaves too many pairs in doubt."""
    differ = _squared(left.whole, right.whole)
    near: Mask = differ <= np.float32(np.floor(radius))
    if not len(left.rest):
        return near
    if _many(near):
        columns = left.whole.shape[1] + len(left.rest)
        bound = differ + _squared(_rows(left.rest), _rows(right.rest))
        near &= bound <= _limit(radius, columns)
    if _many(near):
        for row in range(0, len(near), _STRIP):
            strip = np.s_[row : row + _STRIP]
            apart = _summed(left, right, np.s_[strip, None], np.s_[None, :])
            near[strip] = differ[strip] + apart <= radius
        return near
    at, to = near.nonzero()
    near[at, to] = differ[at, to] + _summed(left, right, at, to) <= radius
    return near


def _squared(left: Rows, right: Rows) -> Rows:
    """Squared Euclidean distance of all pairs, float32 [n, m]; of whole columns, exact."""
    apart = left @ right.T
    apart *= -2
    apart += np.einsum("ij,ij->i", left, left)[:, None]
    apart += np.einsum("ij,ij->i", right, right)
    return apart


def _rows(columns: npt.NDArray[np.float64]) -> Rows:
    return columns.T.astype(np.float32, order="C")


def _summed(left: Points, right: Points, at: Any, to: Any) -> npt.NDArray[np.float64]:
    """Manhattan distance in the columns that are not whole, of the pairs (at, to)."""
    total = np.zeros(np.broadcast(left.sketch[:, 0][at], right.sketch[:, 0][to]).shape)
    apart = np.empty_like(total)
    for one, other in zip(left.rest, right.rest, strict=True):
        np.subtract(one[at], other[to], out=apart)
        total += np.abs(apart, out=apart)
    return total


def _many(near: Mask) -> bool:
    return int(np.count_nonzero(near)) > _FEW * near.size
