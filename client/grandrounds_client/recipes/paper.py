"""The recipe as published (CKD alg. 1): for reproduction, and where rows may be shared."""

import numpy as np

from grandrounds_client.expertise import deficiency
from grandrounds_client.recipes.base import Classroom, Lessons


def paper(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
    """Each teacher writes about the rows it gets right and some student gets wrong.

    Every teacher, the site's own included, may teach any student (CKD alg. 1).
    """
    return [lessons for teacher in range(classroom.models) if (lessons := _of(classroom, teacher))]


def _of(classroom: Classroom, teacher: int) -> Lessons | None:
    students = np.stack(
        [deficiency(classroom.correct, teacher, student) for student in range(classroom.models)],
        axis=1,
    )
    rows = students.any(axis=1)
    if not rows.any():
        return None
    return Lessons(teacher, classroom.x[rows], classroom.y[rows], students[rows])
