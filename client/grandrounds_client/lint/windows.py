"""Every run of d numbers of a list at a stride, hashed at once.

Each number has been replaced by its place among the site's own values, -1 where it is none
of them. A polynomial hash of whatever stands at p, p + s, ..., p + (d - 1) s comes from
differences of one cumulative sum (Karp, Rabin 1987), modulo 2^64. At base 1 it does not
depend on the order: it finds rows whose columns are permuted.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

_Number = TypeVar("_Number", np.int32, np.uint64)

ORDERED, ANY_ORDER = 0x9E3779B97F4A7C15, 1
"""Bases; odd, so that they have an inverse modulo 2^64."""
_CHUNK = 2**22


class Matches(NamedTuple):
    """Windows that are rows.

    Attributes
    ----------
    phase : int64 [M]
        Where a window begins in its strided sequence, modulo d: rows that stand one after
        another share it.
    row : int64 [M]
        Position in the sorted hashes of the rows.
    """

    phase: Ints
    row: Ints


def row_hashes(places: Places, base: int) -> Hashes:
    """Return one hash per row, uint64 [N], of int32 [N, d]."""
    found = np.empty(len(places), np.uint64)
    powers = _powers(base, places.shape[1])
    step = max(1, _CHUNK // places.shape[1])
    for start in range(0, len(places), step):
        part = _mixed(places[start : start + step])
        found[start : start + step] = (part * powers).sum(axis=1, dtype=np.uint64)
    return found


def matches(places: Places, width: int, stride: int, base: int, wanted: Hashes) -> Matches:
    """Return the windows of `width` places at a stride whose hash is among the wanted.

    Parameters
    ----------
    places : int32 [n]
    wanted : uint64 [R], ascending
    """
    # one strided sequence per column
    grid = np.pad(places, (0, -len(places) % stride), constant_values=-1).reshape(-1, stride)
    foreign = grid < 0
    begin, column = np.nonzero(_window(foreign, width, np.int32) == 0)
    if not len(begin):
        return Matches(begin, column)
    terms = np.where(foreign, np.uint64(0), _mixed(grid)) * _powers(base, len(grid))[:, None]
    sums = _window(terms, width, np.uint64)[begin, column]
    hashes = sums * _powers(pow(base, -1, 2**64), len(grid))[begin]
    at = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    same = wanted[at] == hashes
    return Matches(begin[same] % width, at[same])


def _window(terms: npt.NDArray[Any], width: int, kind: type[_Number]) -> npt.NDArray[_Number]:
    """Return the sum of each `width` rows that follow each other."""
    sums = np.zeros((len(terms) + 1, terms.shape[1]), kind)
    np.cumsum(terms, axis=0, out=sums[1:])
    return sums[width:] - sums[:-width]


def _powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _mixed(places: Places) -> Hashes:
    """Return 64 well-mixed bits for each place (splitmix64)."""
    z = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
