"""What a site's own validation rows decide: whether it may review, and what it forbids itself."""

import numpy as np

from grandrounds_client.arrays import Labels, Probabilities
from grandrounds_client.metrics import balanced_gain, plain_gain


def too_few(train: Labels, validation: Labels, least: int) -> bool:
    """Whether a class of these labels has fewer than `least` validation rows.

    >>> too_few(np.array([0, 1]), np.array([0, 0, 1]), 2)
    True
    """
    labels = np.unique(np.concatenate([train, validation]))
    return min(int((validation == label).sum()) for label in labels) < least


def vetoed(before: Probabilities, after: Probabilities, y: Labels, allowed: float) -> bool:
    """Whether a candidate falls below the current model by more than its site allows, and chance.

    Two scores must not fall: the probability of the true class, each class alike
    (`metrics.balanced_gain`), and each row alike (`metrics.plain_gain`). A model that calls
    fewer people ill may gain by the first and lose by the second, in a house where most are. Of a
    few rows a probability tells more than accuracy, which may stand still while a model unlearns.
    It is uncertain all the same, so that a fall by one standard error is let pass.

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

    Rows of a common class fell, and one of a rare class gained as much:

    >>> y, before = np.int32([0] * 8 + [1]), np.full((9, 2), 0.5)
    >>> vetoed(before, np.full((9, 2), [0.25, 0.75]), y, 0.0)
    True

    Of two rows that one fell is no more than chance:

    >>> vetoed(sure, np.array([[0.75, 0.25], [0.0, 1.0]]), np.int32([0, 1]), 0.0)
    False
    """
    if not len(y):
        return False
    gains = (balanced_gain(before, after, y), plain_gain(before, after, y))
    return any(gain.mean < -max(allowed, gain.error) for gain in gains)
