"""Distill: vet the peers' models, find who can teach whom here, write the lessons."""

from dataclasses import dataclass

import numpy as np

from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities
from grandrounds_client.counterfactuals import Counterfactuals, find
from grandrounds_client.expertise import expertise
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.teachers import own_teacher, teacher_of
from grandrounds_client.recipes import Classroom, Lessons, find_recipe
from grandrounds_client.state import Changes
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.records import DistillOrder, DistillReport, Taught


def distill(question: Question, order: DistillOrder) -> Outcome:  # noqa: ARG001
    """Write lessons on own training rows with every teacher that passes the checks.

    Rows for peers travel, one parcel per student; rows for this site stay in its store.
    """
    faculty = _faculty(question)
    lessons = _lessons(question, faculty)
    written = [_write(question, faculty, chosen) for chosen in lessons]
    by_student = _by_student(question, faculty, written)
    own = by_student.pop(question.site.name, None)
    changes = dict(faculty.changes)
    if own is not None:
        changes[kept.own_lessons(question.round)] = own.to_bytes()
    parcels = tuple(
        Parcel("instances", question.site.name, (student,), rows.to_bytes())
        for student, rows in by_student.items()
    )
    return Outcome(_report(faculty, written), parcels, changes)


@dataclass(frozen=True)
class _Faculty:
    """The teachers present, with their predictions on this site's training rows."""

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


def _faculty(question: Question) -> _Faculty:
    rows = question.split.train.x
    teachers = [own_teacher(question)]
    predictions = [teachers[0].predict_proba(rows)]
    refused: dict[str, str] = {}
    changes: Changes = {}
    for parcel in question.parcels_from_peers("release"):
        try:
            teacher = teacher_of(question, parcel.payload, parcel.sender)
            prediction = teacher.predict_proba(rows)
        except BadModel as error:
            refused[parcel.sender] = error.code
            continue
        teachers.append(teacher)
        predictions.append(prediction)
        changes[kept.peer_current(question.round, parcel.sender)] = parcel.payload
        if question.state.get(kept.peer_first(parcel.sender)) is None:
            changes[kept.peer_first(parcel.sender)] = parcel.payload
    return _Faculty(teachers, np.stack(predictions), refused, changes)


def _lessons(question: Question, faculty: _Faculty) -> list[Lessons]:
    train = question.split.train
    classroom = Classroom(train.x, train.y, expertise(faculty.probabilities, train.y))
    recipe = find_recipe(question.rules.recipe, "the coordinator's rules")
    return recipe(classroom, question.rng("recipe"))


def _write(question: Question, faculty: _Faculty, lessons: Lessons) -> _Written:
    teacher = faculty.teachers[lessons.teacher]
    found = find(
        teacher,
        lessons.x,
        lessons.y,
        rng=question.rng("counterfactuals", teacher.name),
        alpha=question.rules.alpha,
        epsilon=question.rules.epsilon,
        engine=question.rules.engine,
        layout=question.site.layout if lessons.valid else None,
    )
    return _Written(lessons, found)


def _by_student(
    question: Question, faculty: _Faculty, written: list[_Written]
) -> dict[str, VirtualInstances]:
    parts: dict[str, list[VirtualInstances]] = {}
    for work in written:
        teacher = question.members.index(faculty.names[work.lessons.teacher])
        rows = VirtualInstances(
            work.counterfactuals.x,
            work.lessons.y,
            np.full(len(work.lessons.y), teacher, np.int32),
        )
        for student, name in enumerate(faculty.names):
            theirs = work.lessons.students[:, student]
            if theirs.any():
                parts.setdefault(name, []).append(rows.take(theirs))
    width = question.site.layout.width
    return {name: VirtualInstances.concatenate(parts[name], width) for name in sorted(parts)}


def _report(faculty: _Faculty, written: list[_Written]) -> DistillReport:
    taught: Taught = {}
    for work in written:
        counts = work.lessons.students.sum(axis=0)
        to = {name: int(n) for name, n in zip(faculty.names, counts, strict=True) if n}
        taught[faculty.names[work.lessons.teacher]] = to
    converged = [work.counterfactuals.converged for work in written]
    return DistillReport(
        taught=taught,
        engines={
            faculty.names[work.lessons.teacher]: work.counterfactuals.engine for work in written
        },
        converged=float(np.concatenate(converged).mean()) if converged else None,
        refused=faculty.refused,
    )
