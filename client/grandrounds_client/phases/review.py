"""Review: score every candidate, the own one included, on own validation rows."""

import json
from collections import Counter

from grandrounds_client import state as kept
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.teachers import teacher_of, validation_score
from grandrounds_client.reviewing import too_few
from grandrounds_protocol.errors import BadModel, Stale, TooManyCandidates
from grandrounds_protocol.records import ReviewOrder, ReviewReport, Score


def review(question: Question, order: ReviewOrder) -> Outcome:  # noqa: ARG001
    """Score candidates by balanced accuracy, rounded, or abstain.

    A site with too few validation rows in one of its classes abstains: there one patient
    would move the score by a tenth, and the score would tell of that patient. Nor does a
    site score more than `review_max` candidates of one peer in a run.
    """
    split = question.split
    if too_few(split.train.y, split.validation.y, question.rules.review_min_rows):
        return Outcome(
            ReviewReport(scores={}, abstained="too few validation rows in a class", refused={})
        )
    # of distill, which had these models vetted: none is vetted twice
    kept_scores = question.state.get(kept.current_scores(question.round))
    before = json.loads(kept_scores) if kept_scores is not None else {}
    answered = _answered(question)
    scores: dict[str, Score] = {}
    refused: dict[str, str] = {}
    for student, release in _candidates(question).items():
        try:
            _check_answers(question, answered, student)
            scores[student] = _score(question, before, student, release)
        except (BadModel, Stale, TooManyCandidates) as error:
            refused[student] = error.code
    answered.update(scores.keys())
    changes = {kept.REVIEWED: json.dumps(answered).encode()}
    return Outcome(ReviewReport(scores=scores, refused=refused), (), changes)


def _answered(question: Question) -> Counter[str]:
    said = question.state.get(kept.REVIEWED)
    return Counter({} if said is None else json.loads(said))


def _check_answers(question: Question, answered: Counter[str], student: str) -> None:
    own = student == question.site.name
    if not own and answered[student] >= question.rules.review_max:
        raise TooManyCandidates("this peer's candidates were scored often enough", where=student)


def _candidates(question: Question) -> dict[str, bytes]:
    found = {parcel.sender: parcel.payload for parcel in question.parcels_from_peers("candidate")}
    own = question.state.get(kept.candidate(question.round, question.attempt))
    if own is not None:
        found[question.site.name] = own
    return found


def _score(
    question: Question, before: dict[str, float | None], student: str, candidate: bytes
) -> Score:
    current = before.get(student)
    if current is None:
        raise Stale("no score of this student's released model", where=student)
    after = validation_score(question, teacher_of(question.site, candidate, student))
    if after is None:
        raise Stale("validation rows of one class only")
    return Score(current=current, candidate=after)
