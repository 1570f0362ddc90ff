"""Retrain: open what arrived, train afresh on own and virtual rows, offer a candidate."""

from collections import Counter
from dataclasses import dataclass

from grandrounds_client import state as kept
from grandrounds_client.admission import admit
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.hearing import hear
from grandrounds_client.phases.quarantine import REASON, quarantined, usable
from grandrounds_client.phases.releasing import release_of
from grandrounds_client.release import bucket
from grandrounds_client.sent_rows import SentRows
from grandrounds_client.split import Examples
from grandrounds_protocol.errors import Stale
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.records import RetrainOrder, RetrainReport

Refused = dict[SiteName, dict[str, int]]


def retrain(question: Question, order: RetrainOrder) -> Outcome:  # noqa: ARG001
    """Train a candidate on own rows plus the virtual rows of this and all adopted rounds.

    A re-sent row counts once; a parcel that fails the checks is refused and counted, and so
    is what peers in quarantine sent or taught. A site that teaches only says what it
    received, and offers nothing.

    Raises
    ------
    Stale
        If this is a second attempt that the site did not ask for.
    """
    adopted = question.state.sent_rows(kept.VIRTUAL, question.bounds)
    arrived = _arrived(question, adopted) if question.attempt == 1 else _arrived_before(question)
    width = question.site.layout.width
    everything = SentRows.concatenate([adopted, arrived.rows], width).distinct()
    fit = usable(question, everything)
    virtual = everything.take(fit)
    refused = _ranges(*arrived.refused, _left_out(question, everything.take(~fit)))
    # adopted rows come first: none of them is gone, and no other one has come
    nothing_new = fit[: len(adopted)].all() and len(virtual) == len(adopted)
    if question.site.teaches_only or nothing_new:
        report = RetrainReport(received=arrived.count, refused=refused, candidate=False)
        return Outcome(report)
    release = train_candidate(question, virtual.rows)
    report = RetrainReport(received=arrived.count, refused=refused, candidate=True)
    parcel = Parcel("candidate", question.site.name, question.peers, release)
    changes = {
        kept.candidate(question.round, question.attempt): release,
        **kept.with_senders(kept.candidate_virtual(question.round, question.attempt), virtual),
    }
    return Outcome(report, (parcel,), changes)


@dataclass(frozen=True)
class _Arrived:
    """Own lessons and those let in; how many came; what was refused, by sender and reason."""

    rows: SentRows
    count: int
    refused: list[Refused]


def _arrived(question: Question, adopted: SentRows) -> _Arrived:
    width, place = question.site.layout.width, question.members.index
    own = question.state.instances(kept.own_lessons(question.round), question.bounds)
    out = quarantined(question)
    parcels = question.parcels_from_peers("instances")
    admitted = admit(
        [(parcel.sender, parcel.payload) for parcel in parcels if parcel.sender not in out],
        VirtualInstances.concatenate([adopted.rows, own], width),
        bounds=question.bounds,
        quota=question.rules.quota,
        rng=question.rng("admission"),
    )
    unopened = {parcel.sender: {REASON: 1} for parcel in parcels if parcel.sender in out}
    at_home = SentRows.of(own, place(question.site.name))
    heard = hear(question, admitted)
    return _Arrived(
        rows=SentRows.concatenate([at_home, *heard.rows], width),
        count=len(own) + sum(admitted.received.values()),
        refused=[admitted.refused, heard.refused, unopened],
    )


def _arrived_before(question: Question) -> _Arrived:
    """What arrived for the first attempt; a second one takes in nothing more."""
    if question.round not in quarantined(question).values():
        raise Stale("this site did not ask for a second attempt")
    first = kept.candidate_virtual(question.round)
    return _Arrived(question.state.sent_rows(first, question.bounds), 0, [])


def _left_out(question: Question, rows: SentRows) -> Refused:
    """Count what peers in quarantine brought, by sender."""
    counts = Counter(question.members[sender] for sender in rows.sender.tolist())
    return {sender: {REASON: count} for sender, count in counts.items()}


def _ranges(*refused: Refused) -> dict[SiteName, dict[str, str]]:
    sums: dict[SiteName, Counter[str]] = {}
    for part in refused:
        for sender, reasons in part.items():
            sums.setdefault(sender, Counter()).update(reasons)
    return {
        sender: {reason: bucket(count) for reason, count in reasons.items()}
        for sender, reasons in sums.items()
    }


def train_candidate(question: Question, virtual: VirtualInstances) -> bytes:
    """Train on own and these virtual rows; the same rows give the same release in a round."""
    site = question.site
    learner = site.learners[int(question.state.need(kept.LEARNER))]
    return release_of(question, learner, Examples(virtual.x, virtual.y), "retrain")
