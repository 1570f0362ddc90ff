"""How well predictions fit, with undefined figures as None."""

import numpy as np
from sklearn.metrics import roc_auc_score

from grandrounds_client.arrays import Labels, Probabilities
from grandrounds_protocol.records import Metrics


def evaluate(probabilities: Probabilities, y: Labels) -> Metrics:
    """Accuracy, balanced accuracy and area under the ROC curve.

    Parameters
    ----------
    probabilities : float32 [N, C]
    y : int32 [N]

    Returns
    -------
    Metrics
        Balanced accuracy and AUC are means over the classes present in `y` (AUC one
        against the rest) and None where fewer than two are; all None without rows.
    """
    if not len(y):
        return Metrics(accuracy=None, balanced_accuracy=None, auc=None, n=0)
    right = probabilities.argmax(axis=1) == y
    return Metrics(
        accuracy=float(right.mean()),
        balanced_accuracy=balanced_accuracy(probabilities, y),
        auc=_auc(probabilities, y),
        n=len(y),
    )


def balanced_accuracy(probabilities: Probabilities, y: Labels) -> float | None:
    """Mean recall over the classes present; None where fewer than two are."""
    present = np.unique(y)
    if len(present) < 2:
        return None
    right = probabilities.argmax(axis=1) == y
    return float(np.mean([right[y == label].mean() for label in present]))


def _auc(probabilities: Probabilities, y: Labels) -> float | None:
    present = np.unique(y)
    if len(present) < 2:
        return None
    areas = [roc_auc_score(y == label, probabilities[:, label]) for label in present]
    return float(np.mean(areas))
