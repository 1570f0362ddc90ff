"""Per phase: the questions to ask, and what to make of the answers.

Functions over a frozen state; `rounds` does the asking between. Payloads do not stay in
memory: an instruction is built when it is asked for, an answer is taken in as it arrives,
and where payloads go meanwhile is passed in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadMessage, Refused
from grandrounds_protocol.messages import Instruction, Reply
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
from grandrounds_server.routing import (
    SpooledParcel,
    by_recipient,
    check_parcels,
    spooled,
    unspooled,
)
from grandrounds_server.spool import Bytes, Place
from grandrounds_server.state import Record, RunState

R = TypeVar("R", bound=Report)
Answer = Reply | Failure
NO_ANSWER = Failure(code="NoAnswer", reason="no answer came before the deadline")


@dataclass(frozen=True)
class Receipt:
    """What an answer amounts to once its payloads are put aside."""

    said: Report | Failure
    parcels: tuple[SpooledParcel, ...] = ()
    ledger: LedgerHead | None = None


def asked(state: RunState, phase: Phase) -> tuple[str, ...]:
    """Sites that a phase asks, in roster order: only those that published are asked further.

    In a second attempt only its students, and those who are to review their candidates.
    """
    match phase:
        case "publish":
            return state.plan.sites
        case "review":
            return state.reviewers
        case _:
            return state.students


def question(
    state: RunState, phase: Phase, site: str, take: Callable[[Place], bytes]
) -> Instruction:
    """Build the instruction for one site, with the parcels that are for it."""
    plan = state.plan
    body = InstructionBody(
        heading=_heading(state, phase, site),
        sites=plan.sites,
        rules=plan.rules,
        order=_order(state, phase, site),
    )
    parcels = state.parcels.get(site, ())
    return Instruction(body, tuple(unspooled(parcel, site, take) for parcel in parcels))


def _heading(state: RunState, phase: Phase, site: str) -> Heading:
    record = state.record
    return Heading(
        run=state.plan.run, round=record.number, attempt=record.attempt, phase=phase, site=site
    )


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


def receive(
    state: RunState, phase: Phase, site: str, answer: Answer, put: Callable[[Bytes], Place]
) -> Receipt:
    """Check one answer and put its payloads aside; what is refused counts as a failure."""
    if isinstance(answer, Failure):
        return Receipt(answer)
    if answer.heading != _heading(state, phase, site):
        return _refusal(BadMessage("a reply to another question"))
    if answer.body.report is None:
        return Receipt(answer.body.failure or NO_ANSWER)
    try:
        check_parcels(answer, state.peers(site))
        parcels = tuple(spooled(parcel, state.plan.roster, put) for parcel in answer.parcels)
    except Refused as error:
        return _refusal(error)
    return Receipt(answer.body.report, parcels, answer.ledger)


def _refusal(error: Refused) -> Receipt:
    return Receipt(Failure(code=error.code, reason=error.public))


def absorb(state: RunState, phase: Phase, receipts: Mapping[str, Receipt]) -> RunState:
    """Take in what a phase amounts to, in roster order, whatever the order of arrival."""
    arrived = {site: receipts[site] for site in state.plan.sites if site in receipts}
    said = {site: receipt.said for site, receipt in arrived.items()}
    heads = {site: receipt.ledger for site, receipt in arrived.items() if receipt.ledger}
    record = replace(state.record, ledgers={**state.record.ledgers, **heads})
    for site, failure in said.items():
        if isinstance(failure, Failure):
            record = record.failed(site, phase, failure)
    parcels = (parcel for receipt in arrived.values() for parcel in receipt.parcels)
    return replace(state, record=_noted(record, phase, said), parcels=by_recipient(parcels))


def _noted(record: Record, phase: Phase, said: Mapping[str, Report | Failure]) -> Record:
    match phase:
        case "publish":
            reports = _only(said, PublishReport)
            return replace(record, cards={site: report.card for site, report in reports.items()})
        case "distill":
            return replace(record, distilled=_only(said, DistillReport))
        case "retrain":
            return replace(record, retrained=_only(said, RetrainReport))
        case "review":
            return replace(record, reviewed=_only(said, ReviewReport))
        case "adopt":
            return replace(record, adopted=_only(said, AdoptReport))


def _only(said: Mapping[str, Report | Failure], kind: type[R]) -> dict[str, R]:
    return {site: report for site, report in said.items() if isinstance(report, kind)}
