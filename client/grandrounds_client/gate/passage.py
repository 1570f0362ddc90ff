"""The gate itself: from what teachers wrote to what may leave the house."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grandrounds_client.arrays import Labels, Mask, Rows
from grandrounds_client.gate.cells import MIN_ROWS, over_quota, small_cell
from grandrounds_client.gate.counts import Passages, Passed
from grandrounds_client.gate.filters import FILTERS
from grandrounds_client.gate.house import House
from grandrounds_client.gate.push import DISAGREES, SMALL, Writing, push
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.gated import CLOSED, Reason


@dataclass(frozen=True)
class Lot:
    """What one teacher wrote from own rows, n of them, and for whom.

    Attributes
    ----------
    teacher : Teacher
    seeds, x : float32 [n, D]
        Own rows they began with, and the virtual rows.
    y : int32 [n]
    students : bool [n, S]
        Who is to receive each. Lessons for the site itself stay in the house and are no
        matter of the gate: let that student's column be all False.
    """

    teacher: Teacher
    seeds: Rows
    x: Rows
    y: Labels
    students: Mask

    def for_somebody(self) -> "Lot":
        """Return the rows that have a student."""
        chosen = np.flatnonzero(self.students.any(axis=1))
        return replace(
            self,
            seeds=self.seeds[chosen],
            x=self.x[chosen],
            y=self.y[chosen],
            students=self.students[chosen],
        )


@dataclass(frozen=True)
class Released:
    """What may leave the house.

    Attributes
    ----------
    lots : list of Lot
        Rows for at least one student, pushed; their order is kept.
    passages : Passages
        Exact counts, for the site's own store only.
    failed : dict of str to str
        Teachers whose model failed while it was asked about pushed rows, with the error's
        name: nothing that they wrote is released.
    """

    lots: list[Lot]
    passages: Passages
    failed: dict[str, str]


def gate(
    lots: Sequence[Lot],
    house: House,
    *,
    quota: int,
    rng: np.random.Generator,
    min_rows: int = MIN_ROWS,
) -> Released:
    """Push every row away from the patient it began with, and release what no filter refuses.

    Then small cells stay in the house, and what exceeds the quota.

    Parameters
    ----------
    lots : sequence of Lot
        One per teacher. Recipes whose lessons do not begin with own rows need no gate, and
        must not have one: what it refuses depends on private rows.
    house : House
        Where it is closed, nothing is released.
    quota : int
        Most rows of one teacher for one student.
    rng : numpy Generator
    min_rows : int
        Fewest rows of one teacher, for one student, about one class; and fewest that a value
        is drawn from.
    """
    if house.closed:
        return Released([], Passages(teachers={}, closed=CLOSED), {})
    released: list[Lot] = []
    passages: dict[str, Passed] = {}
    failed: dict[str, str] = {}
    for lot in lots:
        try:
            left, passed = _through(lot, house, quota, rng, min_rows)
        except BadModel as error:
            failed[lot.teacher.name] = error.code
            continue
        passages[lot.teacher.name] = passed
        if len(left.y):
            released.append(left)
    return Released(released, Passages(teachers=passages), failed)


def _through(
    lot: Lot, house: House, quota: int, rng: np.random.Generator, min_rows: int
) -> tuple[Lot, Passed]:
    lot = lot.for_somebody()
    pushed = push(Writing(lot.teacher, lot.seeds, lot.x, lot.y), house, min_rows, rng)
    refused: dict[Reason, int] = {
        reason: int(lot.students[pushed.reason == reason].sum()) for reason in (DISAGREES, *FILTERS)
    }
    students = lot.students & pushed.passes[:, None]
    small = small_cell(students, lot.y, min_rows)
    refused[SMALL] = int(lot.students[pushed.reason == SMALL].sum() + small.sum())
    students &= ~small
    over = over_quota(students, lot.y, quota, rng)
    refused["quota"] = int(over.sum())
    students &= ~over
    released = int(students.sum())
    passed = Passed(
        written=int(lot.students.sum()),
        released=released,
        pushed=0 if house.layout.images else released,
        refused=refused,
    )
    left = replace(lot, x=pushed.x, students=students)
    return left.for_somebody(), passed
