"""Geometric set cover: fewer virtual rows, every left-out one near a kept one."""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from grandrounds_client.arrays import Mask, Rows
from grandrounds_protocol.instances import VirtualInstances

_BLOCK = 256
"""Rows looked at together: what is not kept as bits stays this high."""


def prune(rows: VirtualInstances, radius: float) -> VirtualInstances:
    """Keep, per class, a cover of the rows for one student; radius 0 keeps all."""
    if radius <= 0 or not len(rows):
        return rows
    kept = [
        members[cover(rows.x[members], radius)]
        for label in np.unique(rows.y)
        for members in (np.flatnonzero(rows.y == label),)
    ]
    return rows.take(np.sort(np.concatenate(kept)))


def cover(x: Rows, radius: float) -> npt.NDArray[np.intp]:
    """Indices of rows such that every row is within `radius` of one of them, ascending.

    Greedy set cover: again and again the row that covers most of those still uncovered,
    the first one where several do. Manhattan distance. Who is near whom is kept as one bit
    a pair: n^2 / 8 bytes, 50 MB for 20,000 rows. Time grows with n^2 D.

    Parameters
    ----------
    x : float32 [n, D]
    radius : float
        At least 0.

    Examples
    --------
    >>> cover(np.float32([[0.0], [0.1], [0.2], [0.9]]), 0.15).tolist()
    [1, 3]
    """
    near = _near(x, radius)
    covers = np.bitwise_count(near).sum(axis=1, dtype=np.int64)
    uncovered = np.ones(len(x), np.bool_)
    chosen: list[int] = []
    while uncovered.any():
        best = int(covers.argmax())
        chosen.append(best)
        newly = np.flatnonzero(_bits(near[best : best + 1], len(x))[0] & uncovered)
        uncovered[newly] = False
        for at in range(0, len(newly), _BLOCK):
            covers -= _bits(near[newly[at : at + _BLOCK]], len(x)).sum(axis=0)
    return np.sort(np.asarray(chosen, dtype=np.intp))


def _near(x: Rows, radius: float) -> npt.NDArray[np.uint8]:
    """Who is within `radius` of whom, eight rows to a byte, uint8 [n, n / 8]."""
    wide = x.astype(np.float64)
    near = np.zeros((len(x), -(-len(x) // 8)), np.uint8)
    for at in range(0, len(x), _BLOCK):
        within = cdist(wide[at : at + _BLOCK], wide, "cityblock") <= radius
        near[at : at + _BLOCK] = np.packbits(within, axis=1)
    return near


def _bits(packed: npt.NDArray[np.uint8], count: int) -> Mask:
    return np.unpackbits(packed, axis=1, count=count).astype(np.bool_)
