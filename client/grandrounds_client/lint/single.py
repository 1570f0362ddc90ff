"""Where the rows of a site with one feature stand: a list that is made of their values."""

from collections.abc import Sequence

import numpy as np

from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.lint.evidence import SEVERAL
from grandrounds_client.lint.search import TOLERANCE, Found
from grandrounds_client.lint.stored import Numbers, Stored

MOST = 0.5
"""Share of a list's different numbers that are the site's values, where it holds them.

A threshold lies between two values. In a forest, whose trees do not see all rows, a few
thresholds are the value of a row that was left out.
"""


def search_values(rows: Rows, stored: Sequence[Stored]) -> Found | None:
    """Return the first tensor or attribute that is made of the rows' values, if there is one.

    Ten different values or more, other than 0 and 1, and half of what stands there.

    Parameters
    ----------
    rows : float32 [N, 1]
    stored : sequence of Stored
    """
    own = rows[:, 0]
    for one in stored:
        numbers = _different(one.numbers)
        held = _near(numbers, own)
        if len(_different(own[held])) >= SEVERAL and _near(own, numbers).mean() >= MOST:
            return Found(one.where, int(held.sum()))
    return None


def _different(numbers: Numbers) -> Numbers:
    different = np.unique(numbers[np.isfinite(numbers)])
    others: Numbers = different[(different != 0) & (different != 1)]
    return others


def _near(known: Numbers, asked: Numbers) -> Mask:
    """Whether each of n numbers is among the known ones but for rounding, bool [n]."""
    known = np.sort(known)
    if not len(known):
        return np.zeros(len(asked), np.bool_)
    below = known[np.maximum(np.searchsorted(known, asked, side="right") - 1, 0)]
    above = known[np.minimum(np.searchsorted(known, asked), len(known) - 1)]
    near: Mask = np.minimum(np.abs(asked - below), np.abs(asked - above)) <= TOLERANCE
    return near
