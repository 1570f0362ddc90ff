"""How far a run has come. Frozen data: a step makes the next state from this one."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.records import (
    AdoptReport,
    DistillReport,
    Failure,
    ModelCard,
    Phase,
    RetrainReport,
    ReviewReport,
    Score,
)
from grandrounds_protocol.roster import Roster
from grandrounds_protocol.schema import Rules
from grandrounds_server.routing import SpooledParcel


@dataclass(frozen=True)
class Plan:
    """What a run is: fixed before its first question."""

    run: str
    sites: tuple[str, ...]
    schema_digest: str
    rules: Rules
    roster: Roster


@dataclass(frozen=True)
class Record:
    """What is known of one attempt of a round, by site.

    A second attempt is a record of its own, with the cards of the first.
    """

    number: int
    attempt: Literal[1, 2] = 1
    cards: dict[str, ModelCard] = field(default_factory=dict)
    distilled: dict[str, DistillReport] = field(default_factory=dict)
    retrained: dict[str, RetrainReport] = field(default_factory=dict)
    reviewed: dict[str, ReviewReport] = field(default_factory=dict)
    adopted: dict[str, AdoptReport] = field(default_factory=dict)
    failures: dict[str, dict[Phase, Failure]] = field(default_factory=dict)
    ledgers: dict[str, LedgerHead] = field(default_factory=dict)
    """How far each site's ledger had come when it last answered."""

    def failed(self, site: str, phase: Phase, failure: Failure) -> "Record":
        """Return this record with one more failure."""
        of_site = {**self.failures.get(site, {}), phase: failure}
        return replace(self, failures={**self.failures, site: of_site})

    def scores_of(self, student: str, reviewers: Iterable[str]) -> dict[str, Score]:
        """Scores of a student's candidate, by reviewer."""
        return {
            reviewer: self.reviewed[reviewer].scores[student]
            for reviewer in reviewers
            if reviewer in self.reviewed and student in self.reviewed[reviewer].scores
        }


@dataclass(frozen=True)
class RunState:
    """A run between two phases.

    Attributes
    ----------
    parcels : dict of str to tuple of SpooledParcel
        On their way, by recipient: releases after publish, instances after distill,
        candidates after retrain.
    """

    plan: Plan
    record: Record
    parcels: dict[str, tuple[SpooledParcel, ...]] = field(default_factory=dict)
    history: tuple[Record, ...] = ()

    @property
    def again(self) -> tuple[str, ...]:
        """Sites that ask for a second attempt of this round, in roster order."""
        said = self.record.adopted
        return tuple(site for site in self.plan.sites if site in said and said[site].again)

    @property
    def students(self) -> tuple[str, ...]:
        """Sites that retrain in this attempt, in roster order."""
        if self.record.attempt == 1:
            return self.present
        first = replace(self, record=self.history[-1])
        return first.again

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Sites that have a candidate to review in this attempt, in roster order."""
        if self.record.attempt == 1:
            return self.present
        trained = self.record.retrained
        own = {site for site in self.students if site in trained and trained[site].candidate}
        return tuple(site for site in self.present if site in own or site in self.parcels)

    @property
    def present(self) -> tuple[str, ...]:
        """Sites that published in this round, in roster order."""
        return tuple(site for site in self.plan.sites if site in self.record.cards)

    def peers(self, site: str) -> tuple[str, ...]:
        """Sites that a site meets in this round."""
        return peers_of(site, self.plan.sites, self.record.number, self.plan.rules)

    def second_attempt(self) -> "RunState":
        """Close this round's first attempt and open its second."""
        second = Record(self.record.number, attempt=2, cards=self.record.cards)
        return RunState(self.plan, second, {}, (*self.history, self.record))

    def next_round(self) -> "RunState":
        """Close this round and open the next."""
        history = (*self.history, self.record)
        return RunState(self.plan, Record(self.record.number + 1), {}, history)


def begin(plan: Plan) -> RunState:
    """Open the first round of a run."""
    return RunState(plan, Record(1))
