"""Who was trained on? An attack gives each row a score; this says how well the scores tell."""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from grandrounds.privacy.nearness import nearest
from grandrounds_client.arrays import Labels, Mask, Rows
from grandrounds_client.gate.alike import RawFeatures
from grandrounds_protocol.instances import VirtualInstances

Scores = npt.NDArray[np.float64]
"""One number per row; the higher, the surer the attacker that the row was trained on."""


def by_distance(x: Rows, released: Rows) -> Scores:
    """Score rows by how near they are to a released row, on the same columns.

    Parameters
    ----------
    x, released : float32 [n, d], float32 [m, d]
        Without released rows, all scores are equal.
    """
    if not len(released):
        return np.zeros(len(x))
    return -nearest(released, x).astype(np.float64)


def by_distance_in_class(x: Rows, y: Labels, released: VirtualInstances) -> Scores:
    """Score rows by how near they are to a released row of their own class.

    Rows of a class of which none was released come last.
    """
    scores = np.full(len(x), -float(x.shape[1] + 1))
    for label in np.unique(released.y):
        rows = y == label
        scores[rows] = by_distance(x[rows], released.x[released.y == label])
    return scores


def by_equal_numbers(x: Rows, released: Rows) -> Scores:
    """Score rows by the most numbers that equal those of one released row.

    A row can be pushed far from its patient by one other category, and still carry the
    patient's blood pressure, cholesterol and pulse.

    Parameters
    ----------
    x, released : float32 [n, b], float32 [m, b]
        On columns that hold numbers. Without columns or released rows, all scores are equal.
    """
    columns = tuple((0, slice(at, at + 1)) for at in range(released.shape[1]))
    return most_equal(RawFeatures(x, columns), released)


def most_equal(patients: RawFeatures, released: Rows) -> Scores:
    """Count the most features of each patient that equal those of one released row.

    They are read as the patients' rows are written: where ages are whole years, 54.3 is 54.

    Parameters
    ----------
    patients : RawFeatures
        n rows of F features.
    released : float32 [m, d]
        Without rows or features, all counts are 0.
    """
    if not released.size:
        return np.zeros(len(patients.rows))
    known, left = (patients.codes(rows) for rows in (patients.rows, released))
    differing = cdist(known, left, "hamming").min(axis=1) * known.shape[1]
    counts: Scores = known.shape[1] - np.rint(differing)
    return counts


def auc(scores: Scores, member: Mask) -> float | None:
    """Chance that a member's score is above a non-member's, ties counting half.

    None where there are no members, or nobody else.
    """
    inside, outside = int(member.sum()), int((~member).sum())
    if not inside or not outside:
        return None
    ranks = rankdata(scores)
    return float((ranks[member].sum() - inside * (inside + 1) / 2) / (inside * outside))


def fold(value: float) -> float:
    """Return max(AUC, 1 - AUC): who is always wrong knows as much as who is always right.

    >>> fold(0.25), fold(0.75)
    (0.75, 0.75)
    """
    return max(value, 1 - value)


def found_at(scores: Scores, member: Mask, false_positives: float = 0.01) -> float | None:
    """Share of members found where at most this share of the others is taken for one.

    Of fewer than 100 others none may be.
    """
    if not member.any() or member.all():
        return None
    others = np.sort(scores[~member])[::-1]
    bar = others[int(false_positives * len(others))]
    return float((scores[member] > bar).mean())
