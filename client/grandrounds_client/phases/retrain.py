"""Retrain: open what arrived, train afresh on own and virtual rows, offer a candidate."""

from dataclasses import dataclass

from grandrounds_client import state as kept
from grandrounds_client.admission import admit
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.releasing import release_of
from grandrounds_client.release import bucket
from grandrounds_client.split import Examples
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.records import RetrainOrder, RetrainReport


def retrain(question: Question, order: RetrainOrder) -> Outcome:  # noqa: ARG001
    """Train a candidate on own rows plus the virtual rows of this and all adopted rounds.

    A re-sent row counts once; a parcel that fails the checks is refused and counted. A
    site that teaches only says what it received, and offers nothing.
    """
    adopted = question.state.instances(kept.VIRTUAL, question.bounds)
    arrived = _arrived(question, adopted)
    width = question.site.layout.width
    virtual = VirtualInstances.concatenate([adopted, arrived.rows], width).distinct()
    if question.site.teaches_only or len(virtual) == len(adopted):
        report = RetrainReport(received=arrived.count, refused=arrived.refused, candidate=False)
        return Outcome(report)
    release = _candidate(question, virtual)
    report = RetrainReport(received=arrived.count, refused=arrived.refused, candidate=True)
    parcel = Parcel("candidate", question.site.name, question.peers, release)
    changes = {
        kept.candidate(question.round): release,
        kept.candidate_virtual(question.round): virtual.to_bytes(),
    }
    return Outcome(report, (parcel,), changes)


@dataclass(frozen=True)
class _Arrived:
    """Own lessons and those let in; how many came; what was refused, by sender and reason."""

    rows: VirtualInstances
    count: int
    refused: dict[SiteName, dict[str, str]]


def _arrived(question: Question, adopted: VirtualInstances) -> _Arrived:
    width = question.site.layout.width
    own = question.state.instances(kept.own_lessons(question.round), question.bounds)
    parcels = question.parcels_from_peers("instances")
    admitted = admit(
        [(parcel.sender, parcel.payload) for parcel in parcels],
        VirtualInstances.concatenate([adopted, own], width),
        bounds=question.bounds,
        quota=question.rules.quota,
        rng=question.rng("admission"),
    )
    return _Arrived(
        rows=VirtualInstances.concatenate([own, admitted.rows], width),
        count=len(own) + sum(admitted.received.values()),
        refused={
            sender: {reason: bucket(count) for reason, count in reasons.items()}
            for sender, reasons in admitted.refused.items()
        },
    )


def _candidate(question: Question, virtual: VirtualInstances) -> bytes:
    site = question.site
    learner = site.learners[int(question.state.need(kept.LEARNER))]
    return release_of(question, learner, Examples(virtual.x, virtual.y), "retrain")
