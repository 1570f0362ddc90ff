"""Retrain: open what arrived, train afresh on own and virtual rows, offer a candidate."""

from collections import Counter

import numpy as np

from grandrounds_client import state as kept
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.publish import make_card
from grandrounds_client.release import export
from grandrounds_protocol.errors import BadInstances
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.records import RetrainOrder, RetrainReport
from grandrounds_protocol.release import ModelRelease


def retrain(question: Question, order: RetrainOrder) -> Outcome:  # noqa: ARG001
    """Train a candidate on own rows plus the virtual rows of this and all adopted rounds.

    A re-sent row counts once; a parcel that fails the checks is refused and counted. A
    site that teaches only says what it received, and offers nothing.
    """
    arrived, refused = _open(question)
    adopted = question.state.instances(kept.VIRTUAL, question.bounds)
    width = question.site.layout.width
    virtual = VirtualInstances.concatenate([adopted, arrived], width).distinct()
    if question.site.teaches_only or len(virtual) == len(adopted):
        report = RetrainReport(received=len(arrived), refused=refused, candidate=False)
        return Outcome(report)
    release = _candidate(question, virtual)
    report = RetrainReport(received=len(arrived), refused=refused, candidate=True)
    parcel = Parcel("candidate", question.site.name, question.peers, release)
    changes = {
        kept.candidate(question.round): release,
        kept.candidate_virtual(question.round): virtual.to_bytes(),
    }
    return Outcome(report, (parcel,), changes)


def _open(question: Question) -> tuple[VirtualInstances, dict[str, int]]:
    refused: Counter[str] = Counter()
    parts = [question.state.instances(kept.own_lessons(question.round), question.bounds)]
    for parcel in question.parcels_from_peers("instances"):
        try:
            parts.append(VirtualInstances.from_bytes(parcel.payload, question.bounds))
        except BadInstances as error:
            refused[error.code] += 1
    return VirtualInstances.concatenate(parts, question.site.layout.width), dict(refused)


def _candidate(question: Question, virtual: VirtualInstances) -> bytes:
    site = question.site
    train = question.split.train
    learner = site.learners[int(question.state.need(kept.LEARNER))]
    x = np.concatenate([train.x, virtual.x])[:, site.columns]
    y = np.concatenate([train.y, virtual.y])
    order = question.rng("shuffle").permutation(len(y))
    model = learner.fit(
        x[order], y[order], classes=site.classes, weight=None, seed=question.seed("retrain")
    )
    graph = export(model, site.columns, site.layout.width)
    return ModelRelease(make_card(question, learner.algorithm, graph), graph).to_bytes()
