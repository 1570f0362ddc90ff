"""Rows made ready for fitting: checked, weighted, classes that occur counted from 0."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Columns, Floats, Labels, Rows
from grandrounds_protocol.errors import BadInput


@dataclass(frozen=True)
class Training:
    """What an algorithm fits.

    Attributes
    ----------
    x : float32 [n, d]
        The rows with a weight above 0.
    y : int32 [n]
        Position of each row's class in `present`.
    weight : float64 [n]
    present : int64 [k]
        Classes that occur, ascending, 2 <= k <= C.
    classes : int
        C.
    """

    x: Rows
    y: Labels
    weight: npt.NDArray[np.float64]
    present: Columns
    classes: int


def prepare(x: Rows, y: Labels, *, classes: int, weight: Floats | None, balanced: bool) -> Training:
    """Check the rows, leave out those without weight, and balance the classes if asked.

    Balancing gives each class that occurs the same share of the total weight, and leaves
    the total as it is: a row of weight 2 then counts exactly as the same row twice.

    Raises
    ------
    BadInput
        If the arrays do not fit together, hold what is no number, or hold one class only.
    """
    given = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    _check(x, y, given, classes)
    counts = given > 0
    x, y, given = x[counts].astype(np.float32), y[counts], given[counts]
    present, inner = np.unique(y, return_inverse=True)
    if len(present) < 2:
        raise BadInput(
            "the training rows hold fewer than two classes",
            where="training rows with a weight above 0",
            remedy="train on rows of at least two classes",
        )
    if balanced:
        given = given * (given.sum() / (len(present) * np.bincount(inner, given)))[inner]
    return Training(x, inner.astype(np.int32), given, present.astype(np.int64), classes)


def _check(x: Rows, y: Labels, weight: npt.NDArray[np.float64], classes: int) -> None:
    problem = ""
    if x.ndim != 2 or x.shape[1] == 0 or y.shape != (len(x),) or weight.shape != y.shape:
        problem = "rows, labels and weights do not fit together"
    elif not (np.isfinite(x).all() and np.isfinite(weight).all() and (weight >= 0).all()):
        problem = "rows must be finite, and weights finite and not below 0"
    elif len(y) and not (y.min() >= 0 and y.max() < classes):
        problem = "labels must be class indices of the federation"
    if problem:
        raise BadInput(problem, where="training rows", remedy="check what the rows were read from")
