"""Seeds are drawn from one noisy release of the site's rows, and never were patients.

The committee of all models labels them. Whoever is most sure of a label teaches it to those
who lack it; so that a student does not hear of its mistakes alone, which may all be of one
class, it hears of as many rows again that it has right.
"""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask
from grandrounds_client.recipes.base import Classroom, Lessons, on_drawn_seeds


@on_drawn_seeds
def private(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
    """Let the member most sure of each label teach it, half to those who lack it.

    Rows whose surest member calls them something else are left out: with three classes or
    more the mean may be for a class that is nobody's first.
    """
    rows = np.arange(len(classroom.y))
    teacher = classroom.probabilities[:, rows, classroom.y].argmax(axis=0)
    taught = classroom.correct[teacher, rows]
    students = np.stack(
        [
            _rows_for(classroom.correct[student], taught & (teacher != student), rng)
            for student in range(classroom.models)
        ],
        axis=1,
    )
    lessons = [_of(classroom, each, teacher, students) for each in range(classroom.models)]
    return [some for some in lessons if len(some.y)]


def _rows_for(correct: Mask, taught: Mask, rng: np.random.Generator) -> Mask:
    """Rows that a student is to get: all it lacks (R of CKD eq. 1), and as many it knows."""
    chosen = taught & ~correct
    known = np.flatnonzero(taught & correct)
    chosen[rng.choice(known, min(len(known), int(chosen.sum())), replace=False)] = True
    return chosen


def _of(
    classroom: Classroom, teacher: int, teachers: npt.NDArray[np.intp], students: Mask
) -> Lessons:
    rows = (teachers == teacher) & students.any(axis=1)
    return Lessons(
        teacher, classroom.x[rows], classroom.y[rows], students[rows], valid=True, from_rows=False
    )
