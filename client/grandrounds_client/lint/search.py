"""Where rows stand among the numbers that a graph stores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from grandrounds_client.arrays import Rows
from grandrounds_client.lint.evidence import CERTAIN, Rarity, certain
from grandrounds_client.lint.stored import Numbers, Stored
from grandrounds_client.lint.windows import (
    ANY_ORDER,
    ORDERED,
    Hashes,
    Ints,
    Places,
    matches,
    row_hashes,
)

TOLERANCE = 2.0**-21
"""Relative above 1, else absolute: a few roundings of float32, as scaling to and fro makes."""
_WORK = 2**25
"""Numbers looked at, over all strides: every stride of a small graph, eight of a large one."""
_CHUNK = 2**22


@dataclass(frozen=True)
class Found:
    """Rows that stand in a tensor or attribute.

    Attributes
    ----------
    where : str
    rows : int
        How many of the rows that were looked for, repeated ones included.
    """

    where: str
    rows: int


@dataclass(frozen=True)
class _Wanted:
    """The rows that are looked for, as places among their own values.

    Attributes
    ----------
    values : float32 [V], ascending
    places : int32 [N, d]
    """

    values: Numbers
    places: Places

    @classmethod
    def of(cls, rows: Rows) -> "_Wanted":
        step = max(1, _CHUNK // rows.shape[1])
        parts = [np.unique(rows[start : start + step]) for start in range(0, len(rows), step)]
        values = np.unique(np.concatenate(parts))
        return cls(values, np.searchsorted(values, rows).astype(np.int32))

    def place(self, numbers: Numbers) -> Places:
        """Return the place of the nearest value for each number, -1 where none is near."""
        flat = numbers.reshape(-1)
        above = np.searchsorted(self.values, flat).clip(1, len(self.values) - 1)
        low, high = self.values[above - 1], self.values[above]
        nearest = np.where(flat - low < high - flat, above - 1, above)
        value = self.values[nearest]
        near = np.abs(flat - value) <= TOLERANCE * np.maximum(1, np.abs(value))
        return np.where(near, nearest, -1).astype(np.int32)


def search(rows: Rows, stored: Sequence[Stored], *, certainty: float = CERTAIN) -> Found | None:
    """Return the first tensor or attribute in which rows stand, if there is one.

    A row is found wherever its values follow each other at one stride: a row or a column
    of a matrix, of a tensor of higher rank, or of a list that either was flattened into;
    in another order of the columns too, where its numbers are rare enough to tell. Values
    agree within `TOLERANCE`; where more of the site's values crowd closer than that,
    exact ones only.

    Parameters
    ----------
    rows : float32 [N, d]
    stored : sequence of Stored
    certainty : float
        Bits that a single row must tell beyond the number of tries.
    """
    if rows.shape[1] < 2 or not len(rows) or rows.min() == rows.max():
        return None
    wanted = _Wanted.of(rows)
    places = [wanted.place(one.numbers) for one in stored]
    total = sum(map(len, places))
    counts = np.zeros(len(wanted.values), np.int64)
    for some in places:
        counts += np.bincount(some[some >= 0], minlength=len(counts))
    looking = [_Looking.of(wanted, base) for base in (ORDERED, ANY_ORDER)]
    for one, some in zip(stored, places, strict=True):
        if np.count_nonzero(some >= 0) < rows.shape[1]:
            continue
        rarity = _rarity(wanted.values, some, counts, total)
        strides = sorted(set(_strides(one.numbers.shape, rows.shape[1], _WORK // total)))
        for look in looking:
            if count := look.rows_in(some, strides, rarity, certainty):
                return Found(one.where, count)
    return None


def _rarity(values: Numbers, places: Places, counts: Ints, total: int) -> Rarity:
    plain = (values == 0) | (values == 1)
    own = np.bincount(places[places >= 0], minlength=len(values))
    share = np.where(plain, own / len(places), counts / total)
    with np.errstate(divide="ignore"):  # what does not occur is matched nowhere
        return Rarity(-np.log2(share), plain)


def _strides(shape: tuple[int, ...], width: int, most: int) -> Iterator[int]:
    """Yield the strides of the axes, that of a matrix flattened by columns, and small ones."""
    size = prod(shape)
    longest = (size - 1) // (width - 1)
    yield from range(1, min(longest, max(1, most)) + 1)
    candidates = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    if size % width == 0:
        candidates.append(size // width)
    yield from (stride for stride in candidates if stride <= longest)


@dataclass(frozen=True)
class _Looking:
    """The different rows, in order or in any order.

    Attributes
    ----------
    hashes : uint64 [R], ascending
    places : int32 [R, d]
        One row for each hash.
    repeats : int64 [R]
        Rows with that hash.
    """

    base: int
    hashes: Hashes
    places: Places
    repeats: Ints

    @classmethod
    def of(cls, wanted: _Wanted, base: int) -> "_Looking":
        hashes, first, repeats = np.unique(
            row_hashes(wanted.places, base), return_index=True, return_counts=True
        )
        return cls(base, hashes, wanted.places[first], repeats)

    def rows_in(
        self, some: Places, strides: Sequence[int], rarity: Rarity, certainty: float
    ) -> int:
        """Return how many rows stand in a list beyond coincidence, at the best stride."""
        tries = float(len(self.hashes)) * len(some) * len(strides)
        enough = np.log2(tries) + certainty
        return max(self._rows_at(some, stride, rarity, enough) for stride in strides)

    def _rows_at(self, some: Places, stride: int, rarity: Rarity, enough: float) -> int:
        width = self.places.shape[1]
        found = matches(some, width, stride, self.base, self.hashes)
        if not len(found.row):
            return 0
        rows, back = np.unique(found.row, return_inverse=True)
        matched = self.places[rows]
        tell = rarity.in_order if self.base == ORDERED else rarity.in_any_order
        sure = certain(
            found,
            tell(matched)[back],
            rarity.has_number(matched)[back],
            enough=enough,
            tries=float(len(self.hashes)) * max(1, len(some) / width),
        )
        return int(self.repeats[np.unique(found.row[sure])].sum())
