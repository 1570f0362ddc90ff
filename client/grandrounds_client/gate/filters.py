"""The filters that look at how rows stand to own rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.gate.house import NEAR, Distances, House
from grandrounds_protocol.gated import Reason


@dataclass(frozen=True)
class Standing:
    """How n rows stand to the own rows, on the site's own columns.

    Attributes
    ----------
    copy : bool [n]
        Whether a row equals an own row.
    distance : float64 [n]
        To the nearest own row.
    differing : float64 [n]
        Raw features in which a row differs from the own row that is most alike.
    """

    copy: Mask
    distance: Distances
    differing: Distances

    @classmethod
    def of(cls, rows: Rows, house: House) -> "Standing":
        """Measure rows, float32 [n, D]."""
        own = np.ascontiguousarray(rows[:, house.columns], dtype=np.float32)
        distance = house.neighbours.nearest(own)
        alike = house.raw.most_alike(own)
        return cls(
            copies(own, house),
            distance.astype(np.float64),
            (len(house.raw.features) - alike).astype(np.float64),
        )

    @classmethod
    def unknown(cls, n: int) -> "Standing":
        """Return room for n rows."""
        return cls(np.zeros(n, np.bool_), np.zeros(n), np.zeros(n))

    def rows(self, chosen: npt.NDArray[np.intp]) -> "Standing":
        """Return the chosen rows."""
        return Standing(self.copy[chosen], self.distance[chosen], self.differing[chosen])

    def put(self, at: npt.NDArray[np.intp], rows: "Standing") -> None:
        """Overwrite some rows."""
        self.copy[at], self.distance[at] = rows.copy, rows.distance
        self.differing[at] = rows.differing


def copies(own: Rows, house: House) -> Mask:
    """Tell which rows, float32 [n, d] on own columns, equal an own row."""
    # adding 0 turns -0 into 0: equal, but of other bytes
    keys = (row.tobytes() for row in own + np.float32(0))
    return np.fromiter((key in house.records for key in keys), np.bool_, len(own))


Filter = Callable[[Standing, House], Mask]
"""(how n rows stand; own rows) -> refused, bool [n]. All rows are to leave together."""


def exact_copy(rows: Standing, house: House) -> Mask:  # noqa: ARG001 (a filter's signature)
    """Refuse what equals an own row."""
    return rows.copy


def too_near(rows: Standing, house: House) -> Mask:
    """Refuse where more rows are near own rows than strangers are."""
    return _too_many(rows.distance, house.apart, house)


def too_alike(rows: Standing, house: House) -> Mask:
    """Refuse where more rows share most features with an own row than strangers do."""
    return _too_many(rows.differing, house.differing, house)


FILTERS: dict[Reason, Filter] = {
    "exact copy": exact_copy,
    "too near": too_near,
    "too alike": too_alike,
}
"""In this order; a row that one refuses is not shown to the next."""
REASONS = np.array(get_args(Reason)).dtype
"""Text that is wide enough for every reason."""


def inspect(rows: Standing, house: House) -> npt.NDArray[np.str_]:
    """Show rows to each filter until one refuses; its name, or nothing, str [n]."""
    reason = np.full(len(rows.copy), "", REASONS)
    for name, refuses in FILTERS.items():
        still = np.flatnonzero(reason == "")
        reason[still[refuses(rows.rows(still), house)]] = name
    return reason


def _too_many(values: Distances, strangers: Distances, house: House) -> Mask:
    """Refuse as few as will do for the rest to be as seldom near as strangers are.

    At every distance below the 5th percentile of the strangers, no larger share of the rest
    is as near. None at all would be a tell, too: an empty place around each patient. Images
    stand near the patient they began with, and not by chance: of them none may be so near.

    Parameters
    ----------
    values, strangers : float64 [n], float64 [m]
        Distances to own rows; those of strangers in order.
    house : House
    """
    bar = np.quantile(strangers, NEAR)
    if house.layout.images:
        images: Mask = values < bar
        return images
    rest = np.arange(len(values))
    while True:
        near = np.sort(values[rest][values[rest] < bar])
        order = rest[values[rest].argsort(kind="stable")][: len(near)]
        allowed = len(rest) * np.searchsorted(strangers, near, side="right") // len(strangers)
        kept = _at_most(allowed)
        if kept.all():
            break
        rest = np.setdiff1d(rest, order[~kept])
    refused = np.ones(len(values), np.bool_)
    refused[rest] = False
    return refused


def _at_most(allowed: npt.NDArray[np.intp]) -> Mask:
    """Keep as many as can be, so that of the first i at most allowed[i - 1], which never falls."""
    place = np.arange(1, len(allowed) + 1)
    count = place + np.minimum(np.minimum.accumulate(allowed - place), 0)
    kept: Mask = np.diff(count, prepend=0) > 0
    return kept
