"""At most so many rows, of each class equally many: on the way out and on the way in."""

import numpy as np

from grandrounds_client.arrays import Labels, Mask


def within_quota(y: Labels, quota: int, rng: np.random.Generator) -> Mask:
    """Return which rows are kept, bool [n]; all of them where they are within the quota.

    What a small class leaves of its share goes to the others. Within a class, chance
    decides: no place in the order is better than another.

    Parameters
    ----------
    y : int32 [n]
    quota : int
        At least 0.
    rng : numpy Generator

    Examples
    --------
    >>> y = np.int32([0, 0, 0, 0, 0, 0, 1, 2, 2, 2])
    >>> np.bincount(y[within_quota(y, 6, np.random.default_rng(0))]).tolist()
    [3, 1, 2]
    """
    if len(y) <= quota:
        return np.ones(len(y), np.bool_)
    # the n-th row of each class, in an order drawn: all first ones, then all second ones
    order = rng.permutation(len(y))
    turn = np.empty(len(y), np.int64)
    for label in np.unique(y):
        members = order[y[order] == label]
        turn[members] = np.arange(len(members))
    kept = np.zeros(len(y), np.bool_)
    kept[np.lexsort((y, turn))[:quota]] = True
    return kept
