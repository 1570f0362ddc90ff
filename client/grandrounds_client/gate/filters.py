"""The filters that look at one virtual row after another."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.gate.house import House
from grandrounds_protocol.gated import Reason

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Verdict:
    """What one filter says of n rows.

    Attributes
    ----------
    reason : str
    refused : bool [n]
    by : int [n]
        Own row that each row is compared with; only to be read where it is refused.
    """

    reason: Reason
    refused: Mask
    by: Indices


Filter = Callable[[Rows, House], Verdict]
"""(virtual rows on the site's own columns, float32 [n, d]; own rows) -> verdict."""


def exact_copy(rows: Rows, house: House) -> Verdict:
    """Refuse what equals an own row."""
    # adding 0 turns -0 into 0: equal, but of other bytes
    keys = (row.tobytes() for row in rows + np.float32(0))
    by = np.fromiter((house.records.get(key, -1) for key in keys), np.intp, len(rows))
    return Verdict("exact copy", by >= 0, by)


def too_near(rows: Rows, house: House) -> Verdict:
    """Refuse what is nearer to an own row than own rows are to each other, or the floor."""
    distance, by = house.neighbours.nearest(rows)
    return Verdict("too near", distance < house.radius, by)


def too_alike(rows: Rows, house: House) -> Verdict:
    """Refuse what shares more raw features with an own row than own rows do."""
    equal, by = house.raw.most_alike(rows)
    return Verdict("too alike", equal > house.alike, by)


FILTERS: tuple[Filter, ...] = (exact_copy, too_near, too_alike)
"""In this order; a row that one refuses is not shown to the next."""
REASONS: tuple[Reason, ...] = ("exact copy", "too near", "too alike")


@dataclass(frozen=True)
class Inspected:
    """What all filters say of n rows.

    Attributes
    ----------
    reason : array of str [n]
        Of the first filter that refuses; empty where none does.
    by : int [n]
        Own row it is too much like.
    """

    reason: npt.NDArray[np.str_]
    by: Indices

    @property
    def refused(self) -> Mask:
        """Rows that may not leave as they are, bool [n]."""
        refused: Mask = self.reason != ""
        return refused


def inspect(rows: Rows, house: House) -> Inspected:
    """Show rows, float32 [n, D], to each filter until one refuses."""
    own = np.ascontiguousarray(rows[:, house.columns], dtype=np.float32)
    reason = np.full(len(rows), "", "<U16")
    by = np.full(len(rows), -1, np.intp)
    for look in FILTERS:
        still = np.flatnonzero(reason == "")
        verdict = look(own[still], house)
        refused = still[verdict.refused]
        reason[refused] = verdict.reason
        by[refused] = verdict.by[verdict.refused]
    return Inspected(reason, by)
