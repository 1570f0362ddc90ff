"""Adopt: recompute the verdict, keep the candidate or roll back, report on held-out rows."""

from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities
from grandrounds_client.ensemble import mean_probability
from grandrounds_client.metrics import evaluate
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.quarantine import with_quarantined
from grandrounds_client.phases.shares import gains_here, most_harmful
from grandrounds_client.phases.teachers import own_teacher, teacher_of
from grandrounds_client.reviewing import vetoed
from grandrounds_client.state import Changes
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.records import AdoptOrder, AdoptReport, Verdict
from grandrounds_protocol.verdict import LEAST_OF_FEW, decide

HARMED = "harmed by a peer"
"""Why a candidate that won the review is not adopted: for one peer's rows."""


def adopt(question: Question, order: AdoptOrder) -> Outcome:
    """Adopt the candidate if the reviewers saw a gain and no own rule forbids it.

    The verdict is computed here, from the scores: the coordinator decides nothing. A
    candidate that is not adopted leaves no trace but its record.

    Where a round's first candidate loses, or wins although own validation rows see no gain,
    the site looks for the peer whose rows harmed it. If it finds one, it puts it in quarantine
    and asks for a second attempt.
    """
    reviewers = {question.site.name, *question.peers}
    scores = {name: score for name, score in order.scores.items() if name in reviewers}
    verdict = decide(scores, LEAST_OF_FEW if question.sampled else 1)
    current = own_teacher(question)
    offered = question.state.get(kept.candidate(question.round, question.attempt))
    candidate = (
        teacher_of(question.site, offered, question.site.name) if offered is not None else None
    )
    reason = _reason(question, verdict, current, candidate)
    harmful = None if candidate is None else _harmful(question, reason, current, candidate)
    changes: Changes = {}
    if harmful is not None:
        reason = HARMED if reason == "adopted" else reason
        changes = with_quarantined(question, harmful)
    elif reason == "adopted" and offered is not None and candidate is not None:
        virtual = kept.candidate_virtual(question.round, question.attempt)
        rows = question.state.sent_rows(virtual, question.bounds)
        changes = {kept.CURRENT: offered, **kept.with_senders(kept.VIRTUAL, rows)}
        current = candidate
    return Outcome(_report(question, verdict, reason, current, changes, harmful), (), changes)


def _harmful(question: Question, reason: str, current: Teacher, candidate: Teacher) -> str | None:
    """Name the peer that harmed a first candidate, where the candidate is in doubt.

    It is where it lost, and where it won although the site's own rows see no gain: reviewers
    may lie, and the site's own rows do not.
    """
    if question.attempt == 2:
        return None
    lost = reason in {"no gain", "vetoed by own rule"}
    doubted = reason == "adopted" and not gains_here(question, current, candidate)
    return most_harmful(question, candidate) if lost or doubted else None


def _reason(
    question: Question, verdict: Verdict, current: Teacher, candidate: Teacher | None
) -> str:
    if candidate is None:
        return "teaches only" if question.site.teaches_only else "no candidate"
    if verdict.gain is None:
        return "nobody reviewed"
    if verdict.gain > 0 and not verdict.adopt:
        return "too few reviewers"
    if not verdict.adopt:
        return "no gain"
    if _vetoed(question, current, candidate):
        return "vetoed by own rule"
    return "adopted"


def _vetoed(question: Question, current: Teacher, candidate: Teacher) -> bool:
    rows = question.split.validation
    before, after = current.predict_proba(rows.x), candidate.predict_proba(rows.x)
    return vetoed(before, after, rows.y, question.site.settings.veto_drop)


def _report(
    question: Question,
    verdict: Verdict,
    reason: str,
    model: Teacher,
    changes: Changes,
    harmful: str | None,
) -> AdoptReport:
    rows = question.split.held_out
    first = teacher_of(question.site, question.state.need(kept.FIRST), question.site.name)
    virtual = changes.get(kept.VIRTUAL) or question.state.get(kept.VIRTUAL)
    own = first.predict_proba(rows.x)
    peers, refused = _peers_first(question)
    return AdoptReport.model_validate(
        {
            "verdict": verdict,
            "adopted": reason == "adopted",
            "reason": reason,
            "quarantined": () if harmful is None else (harmful,),
            "again": harmful is not None,
            "virtual_rows": _count(question, virtual),
            "before": evaluate(own, rows.y),
            "after": evaluate(model.predict_proba(rows.x), rows.y),
            "ensemble": evaluate(mean_probability([own, *peers]), rows.y),
            "refused": refused,
        }
    )


def _peers_first(question: Question) -> tuple[list[Probabilities], dict[str, str]]:
    """What all peers met so far say of the held-out rows; a model that fails is left out."""
    found: list[Probabilities] = []
    refused: dict[str, str] = {}
    met = set(question.state.names(kept.peer_first("")))
    for name in question.members:
        if kept.peer_first(name) not in met:
            continue
        try:
            release = question.state.need(kept.peer_first(name))
            teacher = teacher_of(question.site, release, name)
            found.append(teacher.predict_proba(question.split.held_out.x))
        except BadModel as error:
            refused[name] = error.code
    return found, refused


def _count(question: Question, virtual: bytes | None) -> int:
    return 0 if virtual is None else len(VirtualInstances.from_bytes(virtual, question.bounds))
