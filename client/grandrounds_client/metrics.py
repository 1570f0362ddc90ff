"""How well predictions fit, with undefined figures as None."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Gain:
    """Change in a balanced score, and its standard error if nothing had truly changed."""

    mean: float
    error: float


def balanced_gain(before: Probabilities, after: Probabilities, y: Labels) -> Gain:
    """Compare two models on the same rows, by the probability each gives the true class.

    This is balanced accuracy for answers that are drawn from the probabilities. A model that
    was taught wrongly is less sure of many rows before it errs on a few, so that few rows
    tell. The error supposes that each row's change is as likely up as down: n rows that all
    change alike are sqrt(n) standard errors.

    Parameters
    ----------
    before, after : float32 [N, C]
    y : int32 [N]
        At least one row.

    Examples
    --------
    >>> y = np.repeat(np.int32([0, 1]), 8)
    >>> unsure, sure = np.full((16, 2), 0.5), np.eye(2)[y]
    >>> balanced_gain(unsure, sure, y)
    Gain(mean=0.5, error=0.125)
    """
    rows = np.arange(len(y))
    change = after[rows, y].astype(np.float64) - before[rows, y]
    members = [change[y == label] for label in np.unique(y)]
    variance = sum((part**2).mean() / len(part) for part in members)
    mean = np.mean([part.mean() for part in members])
    return Gain(float(mean), float(np.sqrt(variance)) / len(members))


def _auc(probabilities: Probabilities, y: Labels) -> float | None:
    present = np.unique(y)
    if len(present) < 2:
        return None
    areas = [roc_auc_score(y == label, probabilities[:, label]) for label in present]
    return float(np.mean(areas))
