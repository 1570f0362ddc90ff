"""A cover of many rows without knowing all pairs at once: an r-net, the densest rows first."""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.manhattan import Points, within

_PART = 4096
"""Rows that are decided on together."""
_HEIGHT, _WIDTH = 256, 2048
"""Rows that are compared with how many others at a time."""
_ROUNDING = 1e-6
"""More than a key is off by."""

Indices = npt.NDArray[np.intp]


def net(x: Rows, radius: float) -> Indices:
    """Indices of rows such that every row is within `radius` of one of them, ascending.

    Row after row is kept unless a kept one is near, those with the most rows near them
    first and the first where several have as many. So no two kept rows are near each other,
    and the memory needed grows with n alone.

    Parameters
    ----------
    x : float32 [n, D]
        In [0, 1].
    radius : float
        At least 0.
    """
    points = Points.of(x)
    counts = _counts(points, _key(x), radius)
    alone, others = np.flatnonzero(counts == 1), np.flatnonzero(counts > 1)
    order = others[np.argsort(-counts[others], kind="stable")]
    kept = np.zeros(0, np.intp)
    for at in range(0, len(order), _PART):
        part = _far(points, order[at : at + _PART], kept, radius)
        kept = np.concatenate([kept, part[_apart(points.take(part), radius)]])
    return np.sort(np.concatenate([alone, kept]))


def _counts(points: Points, key: npt.NDArray[np.float64], radius: float) -> Indices:
    """How many rows each row has near it, itself among them, int [n]."""
    order = np.argsort(key, kind="stable")
    key, points = key[order], points.take(order)
    found = np.zeros(len(key), np.intp)
    for at in range(0, len(key), _HEIGHT):
        some = points.take(slice(at, at + _HEIGHT))
        rows = slice(at, at + len(some))
        found[rows] += np.count_nonzero(within(some, some, radius), axis=1)
        end = int(np.searchsorted(key, key[rows.stop - 1] + radius + _ROUNDING, side="right"))
        for to in range(rows.stop, end, _WIDTH):
            others = slice(to, min(to + _WIDTH, end))
            near = within(some, points.take(others), radius)
            found[rows] += np.count_nonzero(near, axis=1)
            found[others] += np.count_nonzero(near, axis=0)
    counts = np.empty_like(found)
    counts[order] = found
    return counts


def _key(x: Rows) -> npt.NDArray[np.float64]:
    """Sums and differences of columns, float64 [n]: rows differ in it by their distance at most.

    Each column's sign is the one that spreads the rows more. No matrix product: its
    rounding would depend on the number of threads.
    """
    key = np.zeros(len(x))
    for column in x.T:
        centred = column - column.mean(dtype=np.float64)
        key += centred if (key * centred).sum() >= 0 else -centred
    return key


def _far(points: Points, rows: Indices, kept: Indices, radius: float) -> Indices:
    """Those of the rows that no kept one is near."""
    for to in range(0, len(kept), _WIDTH):
        near = points.take(kept[to : to + _WIDTH])
        parts = [rows[at : at + _HEIGHT] for at in range(0, len(rows), _HEIGHT)]
        alone = [~within(points.take(part), near, radius).any(axis=1) for part in parts]
        rows = rows[np.concatenate([np.zeros(0, np.bool_), *alone])]
    return rows


def _apart(points: Points, radius: float) -> Mask:
    """Each row that no earlier such row is near, bool [n]."""
    kept = np.zeros(len(points), np.bool_)
    covered = np.zeros(len(points), np.bool_)
    for at in range(0, len(points), _HEIGHT):
        rows = at + np.flatnonzero(~covered[at : at + _HEIGHT])
        for row, near in zip(rows, within(points.take(rows), points, radius), strict=True):
            if not covered[row]:
                kept[row] = True
                covered |= near
    return kept
