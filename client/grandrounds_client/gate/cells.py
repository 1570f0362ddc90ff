"""The filters that look at how many rows stand behind one teacher, student and class."""

import numpy as np

from grandrounds_client.arrays import Labels, Mask
from grandrounds_client.quota import within_quota

MIN_ROWS = 10
"""Fewer rows than this stand for nobody but themselves."""


def small_cell(students: Mask, y: Labels, min_rows: int) -> Mask:
    """Refuse lessons of which too few are about one class, for one student.

    Parameters
    ----------
    students : bool [n, S]
        Who is to receive each row of one teacher.
    y : int32 [n]
    min_rows : int

    Returns
    -------
    bool [n, S]
        Lessons refused.
    """
    refused = np.zeros_like(students)
    for label in np.unique(y):
        rows = y == label
        cells = students[rows]
        refused[rows] = cells & (cells.sum(axis=0) < min_rows)
    return refused


def over_quota(students: Mask, y: Labels, quota: int, rng: np.random.Generator) -> Mask:
    """Refuse what exceeds `quota` rows for one student, levelled over classes.

    It may leave fewer rows of a class than make up a small cell. That tells no more: the
    rows behind the count are still as many as they were.

    Parameters and returns are those of `small_cell`, and `rng`, which chooses.
    """
    refused = np.zeros_like(students)
    for student in range(students.shape[1]):
        rows = np.flatnonzero(students[:, student])
        refused[rows, student] = ~within_quota(y[rows], quota, rng)
    return refused
