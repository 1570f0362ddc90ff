"""Seeds are drawn from one noisy release of the site's rows, and never were patients.

The committee of all models labels them. Whoever is most sure of a label teaches it to all others,
of each class as many. What a student lacks may all be of one class: lessons about that alone, or
about as many rows again that it knows, were measured and harm more (docs/method.md).
"""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels, Mask
from grandrounds_client.recipes.base import Classroom, Lessons, on_drawn_seeds


@on_drawn_seeds
def private(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
    """Let the member most sure of each label teach it to all others, in levelled classes.

    Rows whose surest member calls them something else are left out: with three classes or
    more the mean may be for a class that is nobody's first.
    """
    rows = np.arange(len(classroom.y))
    teacher = classroom.probabilities[:, rows, classroom.y].argmax(axis=0)
    taught = classroom.correct[teacher, rows]
    students = np.stack(
        [
            _levelled(classroom.y, taught & (teacher != student), rng)
            for student in range(classroom.models)
        ],
        axis=1,
    )
    lessons = [_of(classroom, each, teacher, students) for each in range(classroom.models)]
    return [some for some in lessons if len(some.y)]


def _levelled(y: Labels, taught: Mask, rng: np.random.Generator) -> Mask:
    """Choose rows for a student, of each class as many; none where all are of one class."""
    labels, counts = np.unique(y[taught], return_counts=True)
    chosen = np.zeros_like(taught)
    if len(labels) < 2:
        return chosen
    for label in labels:
        rows = np.flatnonzero(taught & (y == label))
        chosen[rng.choice(rows, counts.min(), replace=False)] = True
    return chosen


def _of(
    classroom: Classroom, teacher: int, teachers: npt.NDArray[np.intp], students: Mask
) -> Lessons:
    rows = (teachers == teacher) & students.any(axis=1)
    return Lessons(
        teacher, classroom.x[rows], classroom.y[rows], students[rows], valid=True, from_rows=False
    )
