"""What a recipe sees and what it returns.

A recipe chooses the lessons of a round: which teacher writes about which rows for which
students. Everything after it (engine, routing, retraining, review) is the same for all.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grandrounds_client.arrays import Labels, Mask, Rows


@dataclass(frozen=True)
class Classroom:
    """One site's training rows, and what each of K models makes of them.

    Attributes
    ----------
    x : float32 [N, D]
    y : int32 [N]
    correct : bool [K, N]
        Expertise: which model is right on which row (CKD eq. 1).
    """

    x: Rows
    y: Labels
    correct: Mask

    @property
    def models(self) -> int:
        """K, the number of models."""
        return len(self.correct)


@dataclass(frozen=True)
class Lessons:
    """Seeds for one teacher; each counterfactual is computed once and sent to all its students.

    Attributes
    ----------
    teacher : int
        Index among the K models.
    x : float32 [n, D]
        Seeds.
    y : int32 [n]
        Class to make more typical.
    students : bool [n, K]
        Who is to receive each; never the teacher.
    valid : bool
        Whether one-hot groups and ordinals are projected back to valid values.
    from_rows : bool
        Whether seeds are the site's own rows: then the release gate decides what leaves.
    """

    teacher: int
    x: Rows
    y: Labels
    students: Mask
    valid: bool = False
    from_rows: bool = True


class Recipe(Protocol):
    """A plain callable; register it under the entry-point group `grandrounds.recipes`."""

    def __call__(self, classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
        """Choose the lessons of a round."""
        ...
