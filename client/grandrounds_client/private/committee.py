"""Labels by committee: what all models the site holds say of a row, on average."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels, Probabilities


@dataclass(frozen=True)
class Labelled:
    """Rows on which the committee is sure.

    Attributes
    ----------
    rows : int [n]
        Their places, ascending.
    y : int32 [n]
        The committee's label of each.
    """

    rows: npt.NDArray[np.intp]
    y: Labels


def committee(probabilities: Probabilities, sure: float) -> Labelled:
    """Label rows by the mean probability of all models, where it reaches `sure`.

    Parameters
    ----------
    probabilities : float32 [K, N, C]
        Of K models on the same N rows.
    sure : float

    Examples
    --------
    >>> p = np.array([[[.9, .1], [.4, .6]], [[.7, .3], [.6, .4]]], np.float32)
    >>> found = committee(p, sure=0.7)
    >>> found.rows.tolist(), found.y.tolist()
    ([0], [0])
    """
    mean = probabilities.mean(axis=0, dtype=np.float64)
    rows = np.flatnonzero(mean.max(axis=1) >= sure)
    return Labelled(rows, mean[rows].argmax(axis=1).astype(np.int32))
