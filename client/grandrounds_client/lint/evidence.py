"""How far from coincidence it is that a list of numbers shows a row.

A row of zeros stands in every model. What speaks against chance is counted in bits: a
number that makes up a share q of the numbers at hand tells -log2(q). Graphs are full of
zeros, ones and repetitions for reasons of their own, so that

- 0 and 1 are only as rare as they are in the very list, and one that follows itself tells
  nothing anew; any other number is as rare as it is in the whole graph, and tells once;
- a single row must hold a number other than 0 and 1, and tell so much that no row would be
  found by chance in a million such lists;
- otherwise ten different rows must stand there one after another, each of which tells
  enough that less than one of all rows would be expected by chance.
"""

from dataclasses import dataclass
from math import lgamma, log

import numpy as np
import numpy.typing as npt

from grandrounds_client.lint.windows import Ints, Matches, Places

CERTAIN = 20.0
"""Bits beyond the number of tries: one list in a million shows a row by chance."""
SEVERAL = 10
DOUBT = 2.0
"""Bits beyond the number of tries of each of several rows: four lists for one of them."""

Bits = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rarity:
    """How rare each of the site's values is.

    Attributes
    ----------
    bits : float64 [V]
        -log2 of the share in this list for 0 and 1, in the whole graph for the others.
    plain : bool [V]
        Whether the value is 0 or 1.
    """

    bits: Bits
    plain: npt.NDArray[np.bool_]

    def in_order(self, rows: Places) -> Bits:
        """Return what rows of places, int32 [R, d], tell in their order, float64 [R]."""
        anew = self.plain[rows]
        anew[:, 1:] &= rows[:, 1:] != rows[:, :-1]
        told, _ = self._numbers(rows)
        return np.asarray(np.where(anew, self.bits[rows], 0).sum(axis=1) + told)

    def in_any_order(self, rows: Places) -> Bits:
        """Return what their different numbers tell, less the ways to place these."""
        told, numbers = self._numbers(rows)
        width = rows.shape[1]
        ways = np.array([log_ways(width, k) for k in range(width + 1)])
        return np.asarray(told - ways[numbers])

    def _numbers(self, rows: Places) -> tuple[Bits, Ints]:
        """Return what the different numbers of each row tell, and how many there are."""
        ranked = np.sort(rows, axis=1)
        counts = ~self.plain[ranked]
        counts[:, 1:] &= ranked[:, 1:] != ranked[:, :-1]
        return np.where(counts, self.bits[ranked], 0).sum(axis=1), counts.sum(axis=1)

    def has_number(self, rows: Places) -> npt.NDArray[np.bool_]:
        """Return which rows hold something else than 0 and 1, bool [R]."""
        return np.asarray(~self.plain[rows].all(axis=1))


def log_ways(width: int, numbers: int) -> float:
    """Return log2 of the ways to put different numbers into columns.

    >>> round(2 ** log_ways(5, 2))
    20
    """
    return (lgamma(width + 1) - lgamma(width - numbers + 1)) / log(2)


def certain(
    found: Matches, bits: Bits, numbered: npt.NDArray[np.bool_], *, enough: float, tries: float
) -> Ints:
    """Return which of the matched rows are no coincidence, as positions in `found.row`.

    Parameters
    ----------
    bits : float64 [M]
        What the row of each match tells.
    numbered : bool [M]
        Whether it holds a number other than 0 and 1.
    enough : float
        Bits that a single row must tell.
    tries : float
        Different rows, times the windows at one stride that do not overlap.
    """
    alone = numbered & (bits >= enough)
    likely = bits >= np.log2(tries) + DOUBT
    pairs = np.unique(np.stack([found.phase[likely], found.row[likely]]), axis=1)
    phases, count = np.unique(pairs[0], return_counts=True)
    together = likely & np.isin(found.phase, phases[count >= SEVERAL])
    return np.flatnonzero(alone | together)
