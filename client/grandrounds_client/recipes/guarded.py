"""Seeds are own rows, of every teacher that is right on them, with the classes levelled.

One-sided deficiency sets can turn a student into a constant, so a student hears of all
rows a teacher masters, and of each class equally often.
"""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels
from grandrounds_client.recipes.base import Classroom, Lessons


def guarded(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
    """Each qualified teacher writes about a levelled choice of the rows it gets right.

    A teacher qualifies if it is right on at least one row of every class that the site
    has: whoever knows one side only would teach one side only.
    """
    chosen = [_of(classroom, teacher, rng) for teacher in range(classroom.models)]
    return [lessons for lessons in chosen if lessons is not None]


def _of(classroom: Classroom, teacher: int, rng: np.random.Generator) -> Lessons | None:
    rows = level(np.flatnonzero(classroom.correct[teacher]), classroom.y, rng)
    if not len(rows):
        return None
    students = np.ones((len(rows), classroom.models), np.bool_)
    students[:, teacher] = False
    return Lessons(teacher, classroom.x[rows], classroom.y[rows], students, valid=True)


def level(rows: npt.NDArray[np.intp], y: Labels, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw from `rows` equally many of each class of `y`; none if a class is without any.

    >>> level(np.array([0, 1, 2, 3]), np.array([0, 0, 0, 1, 1]), np.random.default_rng(0)).size
    2
    """
    of_class = [rows[y[rows] == label] for label in np.unique(y)]
    fewest = min(len(members) for members in of_class)
    drawn = [rng.choice(members, fewest, replace=False) for members in of_class]
    return np.sort(np.concatenate(drawn))
