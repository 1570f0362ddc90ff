"""Adopt: recompute the verdict, keep the candidate or roll back, report on held-out rows."""

from grandrounds_client import state as kept
from grandrounds_client.ensemble import mean_probability
from grandrounds_client.metrics import balanced_accuracy, evaluate
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.teachers import own_teacher, teacher_of
from grandrounds_client.state import Changes
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.records import AdoptOrder, AdoptReport, Verdict
from grandrounds_protocol.verdict import decide


def adopt(question: Question, order: AdoptOrder) -> Outcome:
    """Adopt the candidate if the reviewers saw a gain and no own rule forbids it.

    The verdict is computed here, from the scores: the coordinator decides nothing. A
    candidate that is not adopted leaves no trace but its record.
    """
    verdict = decide(order.scores)
    current = own_teacher(question)
    offered = question.state.get(kept.candidate(question.round))
    candidate = (
        teacher_of(question.site, offered, question.site.name) if offered is not None else None
    )
    reason = _reason(question, verdict, current, candidate)
    changes: Changes = {}
    if reason == "adopted" and offered is not None and candidate is not None:
        virtual = question.state.need(kept.candidate_virtual(question.round))
        changes = {kept.CURRENT: offered, kept.VIRTUAL: virtual}
        current = candidate
    return Outcome(_report(question, verdict, reason, current, changes), (), changes)


def _reason(
    question: Question, verdict: Verdict, current: Teacher, candidate: Teacher | None
) -> str:
    if candidate is None:
        return "teaches only" if question.site.teaches_only else "no candidate"
    if verdict.gain is None:
        return "nobody reviewed"
    if not verdict.adopt:
        return "no gain"
    if _vetoed(question, current, candidate):
        return "vetoed by own rule"
    return "adopted"


def _vetoed(question: Question, current: Teacher, candidate: Teacher) -> bool:
    allowed = question.site.settings.veto_drop
    rows = question.split.validation
    before = balanced_accuracy(current.predict_proba(rows.x), rows.y)
    after = balanced_accuracy(candidate.predict_proba(rows.x), rows.y)
    if allowed is None or before is None or after is None:
        return False
    return before - after > allowed


def _report(
    question: Question, verdict: Verdict, reason: str, model: Teacher, changes: Changes
) -> AdoptReport:
    rows = question.split.held_out
    first = teacher_of(question.site, question.state.need(kept.FIRST), question.site.name)
    virtual = changes.get(kept.VIRTUAL) or question.state.get(kept.VIRTUAL)
    members = [first, *_peers_first(question)]
    together = mean_probability([member.predict_proba(rows.x) for member in members])
    return AdoptReport.model_validate(
        {
            "verdict": verdict,
            "adopted": reason == "adopted",
            "reason": reason,
            "virtual_rows": _count(question, virtual),
            "before": evaluate(first.predict_proba(rows.x), rows.y),
            "after": evaluate(model.predict_proba(rows.x), rows.y),
            "ensemble": evaluate(together, rows.y),
        }
    )


def _peers_first(question: Question) -> list[Teacher]:
    return [
        teacher_of(question.site, release, name)
        for name in question.peers
        if (release := question.state.get(kept.peer_first(name))) is not None
    ]


def _count(question: Question, virtual: bytes | None) -> int:
    return 0 if virtual is None else len(VirtualInstances.from_bytes(virtual, question.bounds))
