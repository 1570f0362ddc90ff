"""Geometric set cover: fewer virtual rows, every left-out one near a kept one."""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.manhattan import Points, within
from grandrounds_client.net import net

LIMIT = 20_000
"""Rows up to which it is kept who is near whom: 50 MB."""
_HEIGHT, _WIDTH = 256, 2048
"""Rows that are compared with how many others at a time; both divide by 8."""


def cover(x: Rows, radius: float) -> npt.NDArray[np.intp]:
    """Indices of rows such that every row is within `radius` of one of them, ascending.

    Manhattan distance, as `manhattan.within` computes it. Up to 20,000 rows the cover is
    the greedy one; beyond, an r-net (`net`), whose memory does not grow with n^2.

    Parameters
    ----------
    x : float32 [n, D]
        In [0, 1].
    radius : float
        At least 0.

    Examples
    --------
    >>> cover(np.float32([[0.0], [0.1], [0.2], [0.9]]), 0.15).tolist()
    [1, 3]
    """
    return greedy(x, radius) if len(x) <= LIMIT else net(x, radius)


def greedy(x: Rows, radius: float) -> npt.NDArray[np.intp]:
    """Greedy set cover, ascending indices; n^2 / 8 bytes.

    Again and again the row that covers most of those still uncovered, the first one where
    several do. A row with none near it can only cover itself: it is chosen at once.
    """
    near = _neighbours(Points.of(x), radius)
    covers = np.bitwise_count(near).sum(axis=1, dtype=np.int64)
    uncovered = covers > 1
    chosen = np.flatnonzero(~uncovered).tolist()
    covers[chosen] = 0
    while uncovered.any():
        best = int(covers.argmax())
        chosen.append(best)
        newly = np.flatnonzero(_bits(near[best : best + 1], len(x))[0] & uncovered)
        uncovered[newly] = False
        for at in range(0, len(newly), _HEIGHT):
            covers -= _bits(near[newly[at : at + _HEIGHT]], len(x)).sum(axis=0)
    return np.sort(np.asarray(chosen, dtype=np.intp))


def _neighbours(points: Points, radius: float) -> npt.NDArray[np.uint8]:
    """Who is within `radius` of whom, eight rows to a byte, uint8 [n, n / 8]."""
    count = len(points)
    near = np.zeros((count, -(-count // 8)), np.uint8)
    for at in range(0, count, _HEIGHT):
        rows = slice(at, min(at + _HEIGHT, count))
        for to in range(at, count, _WIDTH):
            others = slice(to, min(to + _WIDTH, count))
            close = within(points.take(rows), points.take(others), radius)
            near[rows, to // 8 : -(-others.stop // 8)] = np.packbits(close, axis=1)
            near[others, at // 8 : -(-rows.stop // 8)] = np.packbits(close.T, axis=1)
    return near


def _bits(packed: npt.NDArray[np.uint8], count: int) -> Mask:
    return np.unpackbits(packed, axis=1, count=count).astype(np.bool_)
