"""Move rows out of patients' neighbourhoods, as far as their teacher still agrees."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels, Mask, Rows
from grandrounds_client.gate.filters import Indices, inspect
from grandrounds_client.gate.house import House
from grandrounds_client.gate.moves import Need, propose
from grandrounds_client.teacher import Teacher

ROUNDS = 6
"""How often a row is pushed: away from one own row it may come near another."""
PROPOSALS = 16
"""Ways to move a row that its teacher is asked about, each round."""
_CELLS = 1 << 22
"""Numbers of proposals held together: 16 MB, a few times over."""


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

    def rows(self, chosen: slice | Indices) -> "Writing":
        """Return the chosen rows."""
        return replace(self, seeds=self.seeds[chosen], x=self.x[chosen], y=self.y[chosen])


@dataclass(frozen=True)
class Pushed:
    """What became of n virtual rows.

    Attributes
    ----------
    x : float32 [n, D]
        Rows that passed at once as they were, and the others pushed; only to be used where
        they pass.
    reason : array of str [n]
        Why a row was refused at first; empty where it passed as it was.
    passes : bool [n]
        Whether it passes now.
    """

    x: Rows
    reason: npt.NDArray[np.str_]
    passes: Mask


def push(writing: Writing, house: House, rng: np.random.Generator) -> Pushed:
    """Push what the filters refuse until they let it pass, or ROUNDS are over.

    Each round draws PROPOSALS ways to stand far enough from the own row in question and
    asks the teacher about them; only columns that it reads and the site has may move. It
    must still call the row its class, with a probability at least the seed's: a virtual row
    is no less typical than the row it began with. The probability is asked for, not the gap
    to y': a pushed row that is *more* typical than y' is a good lesson. Of the rows it
    agrees with, the one that moves least is taken.

    On images nothing is pushed: noise over the pixels would meet any distance, and show
    the same patient.

    Raises
    ------
    BadModel
        If the teacher fails on the way.
    """
    given = inspect(writing.x, house)
    failing = np.flatnonzero(given.refused)
    x = writing.x.copy()
    by = given.by.copy()
    passes = ~given.refused
    if house.layout.images:
        failing = failing[:0]
    for _ in range(ROUNDS):
        if not len(failing):
            break
        at, rows = _agreed(writing.rows(failing), x[failing], by[failing], house, rng)
        moved = failing[at]
        x[moved] = rows
        found = inspect(rows, house)
        by[moved], passes[moved] = found.by, ~found.refused
        failing = failing[~passes[failing]]
    return Pushed(x, given.reason, passes)


def _agreed(
    writing: Writing, x: Rows, by: Indices, house: House, rng: np.random.Generator
) -> tuple[Indices, Rows]:
    """Return which rows the teacher lets move, int [m], and where to, float32 [m, D]."""
    step = max(1, _CELLS // (PROPOSALS * x.shape[1]))
    places, moved = [np.zeros(0, np.intp)], [x[:0]]
    for at in range(0, len(x), step):
        chunk = slice(at, at + step)
        found, rows = _least(writing.rows(chunk), x[chunk], by[chunk], house, rng)
        places.append(at + found)
        moved.append(rows)
    return np.concatenate(places), np.concatenate(moved)


def _least(
    writing: Writing, x: Rows, by: Indices, house: House, rng: np.random.Generator
) -> tuple[Indices, Rows]:
    own = np.ascontiguousarray(x[:, house.columns])
    need = Need.of(own, by, house)
    movable = np.isin(house.columns, writing.teacher.columns)
    drawn = propose(own, need, movable, house, PROPOSALS, rng)
    proposals = np.repeat(x[:, None], PROPOSALS, axis=1)
    proposals[:, :, house.columns] = drawn
    moves = np.abs(drawn - own[:, None]).sum(axis=2)
    moves[~_agrees(writing, proposals) | (moves == 0)] = np.inf
    least = moves.argmin(axis=1)
    rows = np.flatnonzero(np.isfinite(moves[np.arange(len(x)), least]))
    return rows, proposals[rows, least[rows]]


def _agrees(writing: Writing, proposals: Rows) -> Mask:
    """Whether the teacher still calls each proposal its class, no less surely, bool [n, P]."""
    teacher = writing.teacher
    n, count, width = proposals.shape
    found = teacher.predict_proba(proposals.reshape(n * count, width)).reshape(n, count, -1)
    seeds = teacher.predict_proba(writing.seeds)
    rows = np.arange(n)
    sure = found[rows, :, writing.y] >= seeds[rows, writing.y][:, None]
    agrees: Mask = sure & (found.argmax(axis=2) == writing.y[:, None])
    return agrees
