"""Seeds are drawn from one noisy release of the site's rows, and never were patients.

The committee of all models labels them. Whoever is most sure of a label writes about it,
for everybody else.
"""

import numpy as np

from grandrounds_client.arrays import Mask
from grandrounds_client.recipes.base import Classroom, Lessons, on_drawn_seeds


@on_drawn_seeds
def private(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
    """Let the member most sure of each label teach it to all others.

    Rows whose surest member calls them something else are left out: with three classes or
    more the mean may be for a class that is nobody's first.
    """
    rows = np.arange(len(classroom.y))
    surest = classroom.probabilities[:, rows, classroom.y].argmax(axis=0)
    able = classroom.correct[surest, rows]
    teachers = np.unique(surest[able]).tolist()
    return [_of(classroom, teacher, able & (surest == teacher)) for teacher in teachers]


def _of(classroom: Classroom, teacher: int, rows: Mask) -> Lessons:
    students = np.ones((int(rows.sum()), classroom.models), np.bool_)
    students[:, teacher] = False
    return Lessons(
        teacher, classroom.x[rows], classroom.y[rows], students, valid=True, from_rows=False
    )
