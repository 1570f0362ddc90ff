"""Review: score every candidate, the own one included, on own validation rows."""

import numpy as np

from grandrounds_client import state as kept
from grandrounds_client.metrics import balanced_accuracy
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_protocol.errors import BadModel, Stale
from grandrounds_protocol.records import ReviewOrder, ReviewReport, Score
from grandrounds_protocol.verdict import DIGITS


def review(question: Question, order: ReviewOrder) -> Outcome:  # noqa: ARG001
    """Score candidates by balanced accuracy, rounded, or abstain.

    A site with too few validation rows in one of its classes abstains: there one patient
    would move the score by a tenth, and the score would tell of that patient.
    """
    if _too_few(question):
        return Outcome(
            ReviewReport(scores={}, abstained="too few validation rows in a class", refused={})
        )
    scores: dict[str, Score] = {}
    refused: dict[str, str] = {}
    for student, release in _candidates(question).items():
        try:
            scores[student] = _score(question, student, release)
        except (BadModel, Stale) as error:
            refused[student] = error.code
    return Outcome(ReviewReport(scores=scores, refused=refused))


def _too_few(question: Question) -> bool:
    split = question.split
    labels = np.unique(np.concatenate([split.train.y, split.validation.y]))
    counts = [int((split.validation.y == label).sum()) for label in labels]
    return min(counts) < question.rules.review_min_rows


def _candidates(question: Question) -> dict[str, bytes]:
    found = {parcel.sender: parcel.payload for parcel in question.parcels_from_peers("candidate")}
    own = question.state.get(kept.candidate(question.round))
    if own is not None:
        found[question.site.name] = own
    return found


def _score(question: Question, student: str, candidate: bytes) -> Score:
    current = (
        question.state.need(kept.CURRENT)
        if student == question.site.name
        else question.state.need(kept.peer_current(question.round, student))
    )
    return Score(
        current=_balanced_accuracy(question, student, current),
        candidate=_balanced_accuracy(question, student, candidate),
    )


def _balanced_accuracy(question: Question, student: str, release: bytes) -> float:
    validation = question.split.validation
    teacher = teacher_of(question.site, release, student)
    score = balanced_accuracy(teacher.predict_proba(validation.x), validation.y)
    if score is None:
        raise Stale("validation rows of one class only")
    return round(score, DIGITS)
