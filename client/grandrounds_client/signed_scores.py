"""Scores leave signed, and count only if their reviewer signed them for this very candidate."""

import hashlib
from collections.abc import Mapping

from grandrounds_client import state as kept
from grandrounds_client.identity import Identity
from grandrounds_client.ledger import Event, RefusedEntry
from grandrounds_client.state import State
from grandrounds_protocol.errors import Refused
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.records import AdoptOrder, Heading, Report, ReviewReport, Score
from grandrounds_protocol.roster import Roster
from grandrounds_protocol.scores import ScoredCandidate, check_score, sign_score


def with_signatures(
    identity: Identity, instruction: Instruction, state: State, report: Report, roster: Roster
) -> Report:
    """Sign the scores of a review; `instruction` has the candidates, opened."""
    if not isinstance(report, ReviewReport):
        return report
    heading, keys = instruction.heading, identity.keys_on(roster)
    candidates = {parcel.sender: parcel.payload for parcel in instruction.parcels}
    own = state.get(kept.candidate(heading.round, heading.attempt))
    if own is not None:
        candidates[identity.name] = own
    scores = {
        student: sign_score(
            score, _about(heading, roster, identity.name, student, candidates[student]), keys
        )
        for student, score in report.scores.items()
    }
    return report.model_copy(update={"scores": scores})


def with_true_scores(
    identity: Identity, instruction: Instruction, state: State, roster: Roster
) -> tuple[Instruction, tuple[Event, ...]]:
    """Leave out scores of this site's candidate that their reviewer did not sign."""
    order = instruction.body.order
    if not isinstance(order, AdoptOrder):
        return instruction, ()
    heading = instruction.heading
    candidate = state.get(kept.candidate(heading.round, heading.attempt))
    true: dict[SiteName, Score] = {}
    events: list[Event] = []
    for reviewer, score in order.scores.items():
        try:
            member = identity.trust.member(roster, reviewer, "site")
            about = _about(heading, roster, reviewer, identity.name, candidate or b"")
            check_score(score, about, member)
        except Refused as error:
            what = f"score of {reviewer}"
            events.append(RefusedEntry(run=heading.run, what=what, code=error.code))
            continue
        true[reviewer] = score
    return _with_scores(instruction, order, true), tuple(events)


def _with_scores(
    instruction: Instruction, order: AdoptOrder, scores: Mapping[SiteName, Score]
) -> Instruction:
    adopted = order.model_copy(update={"scores": dict(scores)})
    return Instruction(instruction.body.model_copy(update={"order": adopted}), instruction.parcels)


def _about(
    heading: Heading, roster: Roster, reviewer: str, student: str, candidate: bytes
) -> ScoredCandidate:
    return ScoredCandidate(
        roster=roster.fingerprint,
        run=heading.run,
        round=heading.round,
        attempt=heading.attempt,
        reviewer=reviewer,
        student=student,
        candidate=hashlib.sha256(candidate).hexdigest(),
    )
