"""Per phase: the questions to ask, and what to make of the answers.

A pair of functions over a frozen state, without I/O; `rounds` does the asking between.
"""

from collections.abc import Mapping
from dataclasses import replace

from grandrounds_protocol.errors import BadMessage
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import (
    AdoptOrder,
    AdoptReport,
    DistillOrder,
    DistillReport,
    Failure,
    Heading,
    InstructionBody,
    Order,
    Phase,
    PublishOrder,
    PublishReport,
    Report,
    RetrainOrder,
    RetrainReport,
    ReviewOrder,
    ReviewReport,
)
from grandrounds_server.routing import addressed_to, check_parcels
from grandrounds_server.state import Record, RunState

Answer = Reply | Failure
NO_ANSWER = Failure(code="NoAnswer", reason="no answer came before the deadline")


def questions(state: RunState, phase: Phase) -> dict[str, Instruction]:
    """Instructions of a phase, by site; only sites that published are asked further."""
    asked = state.plan.sites if phase == "publish" else state.present
    return {site: _instruction(state, phase, site) for site in asked}


def _instruction(state: RunState, phase: Phase, site: str) -> Instruction:
    plan = state.plan
    body = InstructionBody(
        heading=Heading(run=plan.run, round=state.record.number, phase=phase, site=site),
        sites=plan.sites,
        rules=plan.rules,
        order=_order(state, phase, site),
    )
    return Instruction(body, addressed_to(site, state.parcels))


def _order(state: RunState, phase: Phase, site: str) -> Order:
    match phase:
        case "publish":
            return PublishOrder(schema_digest=state.plan.schema_digest)
        case "distill":
            return DistillOrder()
        case "retrain":
            return RetrainOrder()
        case "review":
            return ReviewOrder()
        case "adopt":
            return AdoptOrder(scores=state.record.scores_of(site, (site, *state.peers(site))))


def absorb(state: RunState, phase: Phase, answers: Mapping[str, Answer]) -> RunState:
    """Take in the answers of a phase, in roster order; what is refused counts as a failure."""
    record = state.record
    parcels: list[Parcel] = []
    for site in (site for site in state.plan.sites if site in answers):
        checked = _checked(state, phase, site, answers[site])
        if isinstance(checked, Failure):
            record = record.failed(site, phase, checked)
        else:
            record = _note(record, site, checked[0])
            parcels.extend(checked[1])
    return replace(state, record=record, parcels=tuple(parcels))


def _checked(
    state: RunState, phase: Phase, site: str, answer: Answer
) -> tuple[Report, tuple[Parcel, ...]] | Failure:
    if isinstance(answer, Failure):
        return answer
    asked = Heading(run=state.plan.run, round=state.record.number, phase=phase, site=site)
    if answer.heading != asked:
        return _refusal(BadMessage("a reply to another question"))
    if answer.body.report is None:
        return answer.body.failure or NO_ANSWER
    try:
        check_parcels(answer, state.peers(site))
    except BadMessage as error:
        return _refusal(error)
    return answer.body.report, answer.parcels


def _refusal(error: BadMessage) -> Failure:
    return Failure(code=error.code, reason=error.public)


def _note(record: Record, site: str, report: Report) -> Record:
    match report:
        case PublishReport():
            return replace(record, cards={**record.cards, site: report.card})
        case DistillReport():
            return replace(record, distilled={**record.distilled, site: report})
        case RetrainReport():
            return replace(record, retrained={**record.retrained, site: report})
        case ReviewReport():
            return replace(record, reviewed={**record.reviewed, site: report})
        case AdoptReport():
            return replace(record, adopted={**record.adopted, site: report})
