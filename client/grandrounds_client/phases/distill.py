"""Distill: vet the peers' models, find who can teach whom here, write the lessons."""

import json
import logging
from dataclasses import dataclass, replace

import numpy as np

from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.counterfactuals import Counterfactuals
from grandrounds_client.direction import to_bytes
from grandrounds_client.frames import frames
from grandrounds_client.gate import House, Lot
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.classroom import Desk, desk
from grandrounds_client.phases.outgoing import Outgoing, Written, outgoing
from grandrounds_client.phases.teachers import own_teacher, teacher_of, validation_score
from grandrounds_client.recipes import Lessons
from grandrounds_client.release import at_least
from grandrounds_client.state import Changes
from grandrounds_client.teacher import Teacher
from grandrounds_client.writing import write
from grandrounds_protocol.errors import BadInput, BadModel
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.records import DistillOrder, DistillReport

log = logging.getLogger(__name__)


def distill(question: Question, order: DistillOrder) -> Outcome:  # noqa: ARG001
    """Write lessons with every teacher that passes the checks.

    Rows for peers travel, one parcel per student; rows for this site stay in its store.
    """
    lectern = desk(question)
    outcome, teachers = _taught(lectern)
    # last, and kept in the house: where rows are drawn, no answer may depend on patients
    scores = json.dumps(_scores(question, teachers)).encode()
    return replace(
        outcome, changes={**outcome.changes, kept.current_scores(question.round): scores}
    )


def _taught(lectern: Desk) -> tuple[Outcome, list[Teacher]]:
    """Return all that is said, sent and kept of the lessons, and who was there to teach."""
    question = lectern.question
    faculty = _faculty(question, lectern.x)
    written, misfits = _write_all(lectern, faculty)
    sent = _sent(question, faculty, written)
    counts = sent.written()
    changes = {
        **faculty.changes,
        kept.written(question.round): counts.model_dump_json().encode(),
        kept.directions(question.round): to_bytes(sent.directions(question.site.classes)),
    }
    refused = {**faculty.refused, **misfits, **sent.failed}
    by_student = sent.of(question.members, question.site.layout.width)
    own = by_student.pop(question.site.name, None)
    if own is not None:
        changes[kept.own_lessons(question.round)] = own.to_bytes()
    parcels = tuple(
        Parcel("instances", question.site.name, (student,), rows.to_bytes())
        for student, rows in by_student.items()
    )
    report = _report(faculty, written, counts, refused)
    return Outcome(report, parcels, changes), faculty.teachers


@dataclass(frozen=True)
class _Faculty:
    """The teachers present, with their predictions on the rows before them."""

    teachers: list[Teacher]
    probabilities: Probabilities
    refused: dict[str, str]
    changes: Changes

    @property
    def names(self) -> list[str]:
        return [teacher.name for teacher in self.teachers]


@dataclass(frozen=True)
class _Written:
    lessons: Lessons
    counterfactuals: Counterfactuals


def _faculty(question: Question, rows: Rows) -> _Faculty:
    teachers = [own_teacher(question)]
    predictions = [teachers[0].predict_proba(rows)]
    refused: dict[str, str] = {}
    changes: Changes = {}
    for parcel in question.parcels_from_peers("release"):
        try:
            teacher = teacher_of(question.site, parcel.payload, parcel.sender)
            prediction = teacher.predict_proba(rows)
        except BadModel as error:
            refused[parcel.sender] = error.code
            continue
        teachers.append(teacher)
        predictions.append(prediction)
        if question.state.get(kept.peer_first(parcel.sender)) is None:
            changes[kept.peer_first(parcel.sender)] = parcel.payload
    return _Faculty(teachers, np.stack(predictions), refused, changes)


def _scores(question: Question, teachers: list[Teacher]) -> dict[str, float | None]:
    """Score each model on own validation rows, for a later review; null where it fails."""
    scores: dict[str, float | None] = {}
    for teacher in teachers:
        try:
            scores[teacher.name] = validation_score(question, teacher)
        except Exception as error:  # noqa: BLE001 (no failure on patients may show in the answer)
            log.warning("%s distill, %s: %s", question.site.name, teacher.name, frames(error))
            scores[teacher.name] = None
    return scores


def _lessons(lectern: Desk, faculty: _Faculty) -> list[Lessons]:
    classroom = lectern.classroom(faculty.probabilities)
    if not len(classroom.y):
        return []
    chosen = lectern.question.recipe(classroom, lectern.question.rng("recipe"))
    if lectern.seen.drawn:
        return [replace(lessons, from_rows=False) for lessons in chosen]
    return chosen


def _write_all(lectern: Desk, faculty: _Faculty) -> tuple[list[_Written], dict[str, str]]:
    """Write all lessons; a teacher that fails on the way costs its own lessons only.

    A hostile model may answer well on every patient and badly elsewhere: an engine asks
    it about rows that nobody has. An engine of anybody's may raise anything.
    """
    written: list[_Written] = []
    misfits: dict[str, str] = {}
    for lessons in _lessons(lectern, faculty):
        try:
            written.append(_write(lectern, faculty, lessons))
        except (BadModel, BadInput) as error:
            misfits[faculty.names[lessons.teacher]] = error.code
        except Exception as error:  # noqa: BLE001 (an engine that stumbles over one model)
            name = lectern.question.site.name
            log.error("%s distill: %s", name, frames(error))  # noqa: TRY400
            misfits[faculty.names[lessons.teacher]] = "InternalError"
    return written, misfits


def _write(lectern: Desk, faculty: _Faculty, lessons: Lessons) -> _Written:
    question, teacher = lectern.question, faculty.teachers[lessons.teacher]
    found = write(
        lessons,
        teacher,
        lectern.seen.examples,
        layout=question.site.layout,
        rules=question.rules,
        engine=question.engine,
        make_rng=lambda: question.rng("counterfactuals", teacher.name),
    )
    return _Written(lessons, found)


def _sent(question: Question, faculty: _Faculty, written: list[_Written]) -> Outgoing:
    lots: dict[bool, list[Lot]] = {True: [], False: []}
    for work in written:
        lessons = work.lessons
        teacher = faculty.teachers[lessons.teacher]
        lot = Lot(teacher, lessons.x, work.counterfactuals.x, lessons.y, lessons.students)
        lots[lessons.from_rows].append(lot)
    return outgoing(
        lots[True],
        lots[False],
        tuple(faculty.names),
        house=_house(question) if lots[True] and question.site.settings.patients else None,
        rules=question.rules,
        min_rows=question.site.min_rows(question.rules),
        rng=question.rng("gate"),
    )


def _house(question: Question) -> House:
    split, site = question.split, question.site
    return House(split.train.x, split.validation.x, site.columns, site.layout)


def _report(
    faculty: _Faculty, written: list[_Written], counts: Written, refused: dict[str, str]
) -> DistillReport:
    converged = [work.counterfactuals.converged for work in written]
    return DistillReport(
        taught={
            teacher: {student: at_least(count) for student, count in students.items()}
            for teacher, students in counts.taught.items()
        },
        gated=None if counts.passages is None else counts.passages.ranges(),
        engines={
            faculty.names[work.lessons.teacher]: work.counterfactuals.engine for work in written
        },
        converged=float(np.concatenate(converged).mean()) if converged else None,
        refused=refused,
    )
