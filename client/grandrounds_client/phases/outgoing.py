"""From what teachers wrote to what each student gets: set cover, then the release gate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grandrounds_client.arrays import Mask
from grandrounds_client.cover import cover
from grandrounds_client.direction import Direction
from grandrounds_client.gate import House, Lot, Passages, gate
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Record
from grandrounds_protocol.records import Taught
from grandrounds_protocol.schema import Rules

HOME = 0
"""Place of the site's own model among the models: its column among the students."""


class Written(Record):
    """One round's lessons, counted exactly: for the site's own store, it never travels."""

    taught: Taught
    passages: Passages | None
    """What the gate did; null where no row began with a patient."""


@dataclass(frozen=True)
class Outgoing:
    """What is written, and may be used.

    Attributes
    ----------
    lots : list of Lot
        The site's own column is filled in lots that stay in the house only.
    students : tuple of str
        Names, by column.
    passages : Passages or None
    failed : dict of str to str
        Teachers whose model failed at the gate, with the error's name.
    """

    lots: list[Lot]
    students: tuple[str, ...]
    passages: Passages | None
    failed: dict[str, str]

    def of(self, members: Sequence[str], width: int) -> dict[str, VirtualInstances]:
        """Virtual rows of `width` columns by student, by name; `members` is the roster."""
        parts: dict[str, list[VirtualInstances]] = {}
        for lot, student, theirs in self._pairs():
            origin = np.full(len(lot.y), members.index(lot.teacher.name), np.int32)
            rows = VirtualInstances(lot.x, lot.y, origin).take(theirs)
            parts.setdefault(student, []).append(rows)
        return {name: VirtualInstances.concatenate(parts[name], width) for name in sorted(parts)}

    def directions(self, classes: int) -> dict[str, Direction]:
        """How each student's lessons moved from their seeds."""
        found: dict[str, Direction] = {}
        for lot, student, theirs in self._pairs():
            direction = Direction.of(lot.seeds[theirs], lot.x[theirs], lot.y[theirs], classes)
            found[student] = found[student] + direction if student in found else direction
        return found

    def written(self) -> Written:
        """Count by teacher and student."""
        taught: Taught = {}
        for lot, student, theirs in self._pairs():
            students = taught.setdefault(lot.teacher.name, {})
            students[student] = students.get(student, 0) + int(theirs.sum())
        return Written(taught=taught, passages=self.passages)

    def _pairs(self) -> Iterator[tuple[Lot, SiteName, Mask]]:
        """Each lot with each student that gets some of it."""
        for lot in self.lots:
            for column, student in enumerate(self.students):
                theirs = lot.students[:, column]
                if theirs.any():
                    yield lot, student, theirs


def outgoing(
    from_rows: Sequence[Lot],
    drawn: Sequence[Lot],
    students: tuple[str, ...],
    *,
    house: House | None,
    rules: Rules,
    min_rows: int,
    rng: np.random.Generator,
) -> Outgoing:
    """Leave out what others cover, and what the gate holds back.

    Parameters
    ----------
    from_rows, drawn : sequence of Lot
        Those that began with own rows, which have to pass the gate, and those that did
        not, which must not meet one: what it refuses depends on private rows.
    students : tuple of str
        Names, by column; the site's own comes first.
    house : House or None
        What rows may not be near; None where own rows are nobody's, and need no gate.
    rules : Rules
    min_rows : int
        The gate's k: `Site.min_rows`, which no rule can lower.
    rng : numpy Generator
        The gate's.
    """
    radius = rules.cover_radius
    real, drawn = _covered(_merged(from_rows), radius), _covered(drawn, radius)
    home = [_for(lot, np.arange(len(students)) == HOME) for lot in real]
    away = [_for(lot, np.arange(len(students)) != HOME) for lot in real]
    passages, failed = None, {}
    if real and house is not None:
        released = gate(away, house, quota=rules.quota, rng=rng, min_rows=min_rows)
        away, passages, failed = released.lots, released.passages, released.failed
    lots = [lot for lot in (*home, *away, *drawn) if len(lot.y)]
    return Outgoing(lots, students, passages, failed)


def _for(lot: Lot, columns: Mask) -> Lot:
    return replace(lot, students=lot.students & columns).for_somebody()


def _merged(lots: Sequence[Lot]) -> list[Lot]:
    """One lot per teacher: the gate counts by teacher."""
    of: dict[str, list[Lot]] = {}
    for lot in lots:
        of.setdefault(lot.teacher.name, []).append(lot)
    return [
        Lot(
            parts[0].teacher,
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("seeds", "x", "y", "students")
            ),
        )
        for parts in of.values()
    ]


def _covered(lots: Sequence[Lot], radius: float) -> list[Lot]:
    """Per student and class, leave out rows near a kept one, whoever taught them."""
    if radius <= 0 or not lots:
        return list(lots)
    x, y = (np.concatenate([getattr(lot, name) for lot in lots]) for name in ("x", "y"))
    students = np.concatenate([lot.students for lot in lots])
    for column in range(students.shape[1]):
        for label in np.unique(y[students[:, column]]):
            members = np.flatnonzero(students[:, column] & (y == label))
            students[members, column] = False
            students[members[cover(x[members], radius)], column] = True
    ends = np.cumsum([len(lot.y) for lot in lots])[:-1]
    parts = np.split(students, ends)
    return [
        replace(lot, students=part).for_somebody() for lot, part in zip(lots, parts, strict=True)
    ]
