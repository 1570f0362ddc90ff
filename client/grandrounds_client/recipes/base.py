"""What a recipe sees and what it returns.

A recipe chooses the lessons of a round: which teacher writes about which rows for which
students. Everything after it (engine, routing, retraining, review) is the same for all.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from grandrounds_client.arrays import Labels, Mask, Probabilities, Rows


@dataclass(frozen=True)
class Classroom:
    """Rows, and what each of K models makes of them.

    They are one site's training rows. For a recipe marked with `on_drawn_seeds` they were
    drawn: no private row is behind them, and none can be reached from here.

    Attributes
    ----------
    x : float32 [N, D]
    y : int32 [N]
        The label; of drawn rows that of the committee.
    correct : bool [K, N]
        Expertise: which model is right on which row (CKD eq. 1).
    probabilities : float32 [K, N, C]
        What each model says of each row.
    drawn : bool
        Whether the rows were drawn.
    """

    x: Rows
    y: Labels
    correct: Mask
    probabilities: Probabilities
    drawn: bool = False

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
        Never where the classroom's rows were drawn.
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


R = TypeVar("R", bound=Recipe)


def on_drawn_seeds(recipe: R) -> R:
    """Mark a recipe whose classroom is to hold drawn rows only, never a site's own.

    >>> @on_drawn_seeds
    ... def silent(classroom, rng):
    ...     return []
    >>> works_on_drawn_seeds(silent)
    True
    """
    recipe.__dict__["drawn"] = True
    return recipe


def works_on_drawn_seeds(recipe: Recipe) -> bool:
    """Whether a recipe is marked so."""
    return bool(getattr(recipe, "drawn", False))
