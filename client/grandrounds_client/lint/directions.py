"""Where rows stand among the numbers of a graph up to a factor, whatever was made of them.

What a graph makes of a row is compared with the runs of numbers that it stores, by
direction: both are scaled to length 1. So a row is found that was multiplied, as in a kernel
machine, or weighted by itself, and one behind a step that mixes columns, as principal
components do. Only whole runs of the step's width count: rows or columns of a matrix, or of a
list that either was flattened into.

Chance is excluded as in `grandrounds_client.lint.evidence`: each different number of a row
but one tells as many bits as there are different numbers to tell apart, zeros tell nothing,
and either one row tells enough for a million such lists, or ten different ones for a few.
"""

from collections.abc import Iterator, Sequence
from math import log2
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from grandrounds_client.arrays import Rows
from grandrounds_client.lint.evidence import CERTAIN, DOUBT, SEVERAL
from grandrounds_client.lint.search import Found
from grandrounds_client.lint.stored import Numbers, Stored

APART = 2.0**-16
"""Most distance of two directions that are one: rounding grows where columns are mixed."""

Vectors = npt.NDArray[np.float64]


class _Directions(NamedTuple):
    """Rows of length 1.

    Attributes
    ----------
    units : float64 [n, m]
    bits : float64 [n]
        What each tells if it is found.
    """

    units: Vectors
    bits: Vectors


def search_directions(rows: Rows, stored: Sequence[Stored]) -> Found | None:
    """Return the first tensor or attribute in which rows stand up to a factor, if there is one.

    Parameters
    ----------
    rows : float [N, m]
    stored : sequence of Stored
    """
    wanted = _directions(rows)
    best = wanted.bits.max(initial=0)
    for one in stored:
        for vectors in _runs(one.numbers, rows.shape[1]):
            tries = log2(len(vectors) * max(1, len(rows)))
            if best >= tries + DOUBT and (count := _count(wanted, vectors, tries)):
                return Found(one.where, count)
    return None


def _directions(rows: Rows) -> _Directions:
    units = _units(rows)
    grid = np.round(np.abs(units) / APART)
    grid.sort(axis=1)
    new = grid > 0
    new[:, 1:] &= grid[:, 1:] != grid[:, :-1]
    different = max(2, len(np.unique(grid)))
    each = min(log2(different), -log2(APART))
    # one number goes for the factor
    return _Directions(units, each * np.maximum(0, new.sum(axis=1) - 1))


def _units(rows: npt.NDArray[np.floating]) -> Vectors:
    """Return the rows that have a direction, at length 1."""
    finite = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
    length = np.linalg.norm(finite, axis=1)
    units: Vectors = finite[length > 0] / length[length > 0, None]
    return units


def _runs(numbers: Numbers, width: int) -> Iterator[Numbers]:
    """Yield the arrangements of a tensor as vectors of `width` numbers."""
    if numbers.size % width == 0:
        yield numbers.reshape(-1, width)
        yield numbers.reshape(width, -1).T
    for axis in range(1, numbers.ndim - 1):
        if numbers.shape[axis] == width:
            yield np.moveaxis(numbers, axis, -1).reshape(-1, width)


def _count(wanted: _Directions, vectors: Numbers, tries: float) -> int:
    """Return how many of the rows stand among vectors beyond coincidence."""
    known = _units(vectors)
    likely = wanted.bits >= tries + DOUBT
    if not len(known):
        return 0
    units, bits = wanted.units[likely], wanted.bits[likely]
    tree = KDTree(known)
    # a factor may be negative
    apart = [tree.query(each, distance_upper_bound=APART)[0] for each in (units, -units)]
    found = np.min(apart, axis=0) <= APART
    alone = found & (bits >= tries + CERTAIN)
    together = len(np.unique(units[found], axis=0)) >= SEVERAL
    return int((found if together else alone).sum())
