"""Push rows away from the patients they began with, as far as their teacher still agrees."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Labels, Mask, Rows
from grandrounds_client.gate.crowd import Crowd
from grandrounds_client.gate.filters import REASONS, Standing, inspect
from grandrounds_client.gate.house import House
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.gated import Reason

ROUNDS = 24
"""How often a row is drawn until its teacher agrees and the filters let it pass."""
DISAGREES: Reason = "teacher disagrees"
SMALL: Reason = "small cell"


@dataclass(frozen=True)
class Writing:
    """n virtual rows of one teacher.

    Attributes
    ----------
    teacher : Teacher
    seeds, x : float32 [n, D]
        Own rows they began with, and what was made of them.
    y : int32 [n]
    """

    teacher: Teacher
    seeds: Rows
    x: Rows
    y: Labels


@dataclass(frozen=True)
class Pushed:
    """What became of n virtual rows.

    Attributes
    ----------
    x : float32 [n, D]
        Only to be used where they pass.
    reason : array of str [n]
        Why a row may not leave; empty where it passes.
    """

    x: Rows
    reason: npt.NDArray[np.str_]

    @property
    def passes(self) -> Mask:
        """Rows that may leave, bool [n]."""
        passes: Mask = self.reason == ""
        return passes


def push(writing: Writing, house: House, size: int, rng: np.random.Generator) -> Pushed:
    """Draw every row anew from all rows of its teacher and class, until it may leave.

    Each value is drawn by itself, from `size` rows at least, so that a row keeps no more of
    the patient it began with than of any other. Rows that would pass as they are, are drawn
    anew as well: else those that are not would tell. The teacher must call the new row its
    class, with a probability at least the seed's: a virtual row is no less typical than the
    row it began with. Columns that the teacher does not read, and those that the site does
    not have, are drawn like all others: what stands there was written for one patient, too.

    Images are not pushed: pixels drawn one by one are no image, and noise over them would
    meet any distance and show the same patient.

    Parameters
    ----------
    writing : Writing
    house : House
    size : int
        A class of fewer rows stays in the house.
    rng : numpy Generator

    Raises
    ------
    BadModel
        If the teacher fails on the way.
    """
    if house.layout.images or not len(writing.y):
        return Pushed(writing.x, inspect(Standing.of(writing.x, house), house))
    x, y = writing.x.copy(), writing.y
    crowds = _crowds(writing, house, size)
    reason = np.where(np.isin(y, list(crowds)), DISAGREES, SMALL).astype(REASONS)
    sure = _probability(writing.teacher, writing.seeds, y)
    standing, agreed = Standing.unknown(len(y)), np.zeros(len(y), np.bool_)
    for _ in range(ROUNDS):
        again = np.flatnonzero((reason != "") & (reason != SMALL))
        if not len(again):
            break
        drawn = _drawn(crowds, y[again], rng)
        agrees = _agrees(writing.teacher, drawn, y[again], sure[again])
        at, rows = again[agrees], drawn[agrees]
        x[at], agreed[at] = rows, True
        standing.put(at, Standing.of(rows, house))
        there = np.flatnonzero(agreed)
        reason[there] = inspect(standing.rows(there), house)
    return Pushed(x, reason)


def _crowds(writing: Writing, house: House, size: int) -> dict[int, Crowd]:
    labels, counts = np.unique(writing.y, return_counts=True)
    return {
        int(label): Crowd.of(writing.x[writing.y == label], house.layout, size)
        for label in labels[counts >= size]
    }


def _drawn(crowds: dict[int, Crowd], y: Labels, rng: np.random.Generator) -> Rows:
    drawn = np.empty((len(y), next(iter(crowds.values())).width), np.float32)
    for label, crowd in crowds.items():
        rows = y == label
        drawn[rows] = crowd.draw(int(rows.sum()), rng)
    return drawn


def _agrees(teacher: Teacher, x: Rows, y: Labels, sure: Floats) -> Mask:
    """Whether the teacher calls each row its class, no less surely than the seed, bool [n]."""
    found = teacher.predict_proba(x)
    agrees: Mask = (found.argmax(axis=1) == y) & (found[np.arange(len(y)), y] >= sure)
    return agrees


def _probability(teacher: Teacher, x: Rows, y: Labels) -> Floats:
    probability: Floats = teacher.predict_proba(x)[np.arange(len(y)), y]
    return probability
