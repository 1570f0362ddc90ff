"""Validation rows choose among learners."""

from collections.abc import Sequence

import numpy as np

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.learners.base import Learner
from grandrounds_client.metrics import balanced_accuracy

Labelled = tuple[Rows, Labels]


def choose(
    candidates: Sequence[Learner],
    train: Labelled,
    validation: Labelled,
    *,
    classes: int,
    seed: int,
) -> Learner:
    """Return the candidate whose fit has the highest balanced accuracy; ties go to the first.

    Parameters
    ----------
    candidates : sequence of Learner
        At least one, as `make_learner` returns them. A single one is not fitted.
    train, validation : (float32 [N, d], int32 [N])
        Validation rows of fewer than two classes tell nothing: the first is returned.
    classes : int
        C.
    seed : int

    Raises
    ------
    BadInput
        If the training rows cannot be learned from.
    """
    x, y = validation
    if len(candidates) == 1 or len(np.unique(y)) < 2:
        return candidates[0]

    def score(learner: Learner) -> float:
        fitted = learner.fit(*train, classes=classes, weight=None, seed=seed)
        return balanced_accuracy(fitted.predict_proba(x), y) or 0.0

    return max(candidates, key=score)
