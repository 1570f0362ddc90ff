"""What a site's own validation rows decide: whether it may review, and what it forbids itself."""

import numpy as np

from grandrounds_client.arrays import Labels, Probabilities
from grandrounds_client.metrics import balanced_gain


def too_few(train: Labels, validation: Labels, least: int) -> bool:
    """Whether a class of these labels has fewer than `least` validation rows.

    >>> too_few(np.array([0, 1]), np.array([0, 0, 1]), 2)
    True
    """
    labels = np.unique(np.concatenate([train, validation]))
    return min(int((validation == label).sum()) for label in labels) < least


def vetoed(before: Probabilities, after: Probabilities, y: Labels, allowed: float) -> bool:
    """Whether a candidate falls below the current model by more than its site allows, and chance.

    The score is the balanced probability of the true class (`metrics.balanced_gain`): of a few
    rows it tells more than balanced accuracy, which may stand still while a model unlearns. Of
    few rows it is uncertain all the same, so that a fall by one standard error is let pass.

    Parameters
    ----------
    before, after : float32 [N, C]
        What the current model and the candidate say of the site's validation rows.
    y : int32 [N]
        Without any row nothing is vetoed.
    allowed : float
        Largest fall, 0..1.

    Examples
    --------
    >>> y = np.int32([0, 1])
    >>> sure, unsure = np.eye(2), np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> vetoed(sure, unsure, y, 0.0), vetoed(sure, unsure, y, 0.25), vetoed(sure, sure, y, 0.0)
    (True, False, False)

    Of two rows that one fell is no more than chance:

    >>> vetoed(sure, np.array([[0.75, 0.25], [0.0, 1.0]]), y, 0.0)
    False
    """
    if not len(y):
        return False
    gain = balanced_gain(before, after, y)
    return gain.mean < -max(allowed, gain.error)
