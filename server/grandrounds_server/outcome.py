"""What a run amounts to, site by site: sums over its rounds, and the last word of each."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.records import AdoptReport, DistillReport, ModelCard, ReviewReport, Taught
from grandrounds_server.rounds import Finished
from grandrounds_server.state import Record


@dataclass(frozen=True)
class SiteOutcome:
    """One site's run.

    Attributes
    ----------
    card : ModelCard or None
        Of its last release; None if it never published.
    adopt : AdoptReport or None
        Its last; None if it never came that far.
    received : int
        Virtual rows received, own lessons included, over all rounds.
    quarantined : tuple of str
        Peers whose rows it uses no more.
    reason : str
        Why it contributed less than it could, round by round; empty where it did not.
    ledger : LedgerHead or None
        How far its ledger had come when it last answered; None if it never did.
    """

    card: ModelCard | None
    adopt: AdoptReport | None
    received: int
    quarantined: tuple[str, ...]
    reason: str
    ledger: LedgerHead | None


def site_outcomes(finished: Finished) -> dict[str, SiteOutcome]:
    """Outcome of each site, in roster order."""
    return {site: _outcome(finished.rounds, site) for site in finished.plan.sites}


def _outcome(rounds: tuple[Record, ...], site: str) -> SiteOutcome:
    cards = [record.cards[site] for record in rounds if site in record.cards]
    adopts = [record.adopted[site] for record in rounds if site in record.adopted]
    ledgers = [record.ledgers[site] for record in rounds if site in record.ledgers]
    received = [record.retrained[site].received for record in rounds if site in record.retrained]
    return SiteOutcome(
        card=cards[-1] if cards else None,
        adopt=adopts[-1] if adopts else None,
        received=sum(received),
        quarantined=tuple(name for report in adopts for name in report.quarantined),
        reason="; ".join(_reasons(rounds, site)),
        ledger=ledgers[-1] if ledgers else None,
    )


def _reasons(rounds: tuple[Record, ...], site: str) -> list[str]:
    """All that kept a site from contributing or learning; the same in several rounds once."""
    said: dict[str, list[str]] = {}
    for record in rounds:
        for reason in _in_round(record, site):
            again = " (second attempt)" if record.attempt == 2 else ""
            said.setdefault(reason, []).append(f"{record.number}{again}")
    return [
        f"round{'s' if len(numbers) > 1 else ''} {', '.join(numbers)} {reason}"
        for reason, numbers in said.items()
    ]


def _in_round(record: Record, site: str) -> Iterator[str]:
    for phase, failure in record.failures.get(site, {}).items():
        yield f"{phase}: {failure.reason} ({failure.code})"
    yield from _refused_by(record.distilled, site, "distill: its model was refused")
    if site in record.retrained:
        for sender, reasons in record.retrained[site].refused.items():
            # a row that is known already is no loss to anybody
            for reason, count in ((r, c) for r, c in reasons.items() if r != "duplicate"):
                yield f"retrain: refused {count} of {sender} ({reason})"
    if site in record.reviewed and record.reviewed[site].abstained:
        yield f"review: abstained, {record.reviewed[site].abstained}"
    yield from _refused_by(record.reviewed, site, "review: its candidate was refused")
    yield from _refused_by(
        record.adopted, site, "adopt: its first model was left out of the ensemble"
    )
    if site in record.adopted and not record.adopted[site].adopted:
        yield f"adopt: {record.adopted[site].reason}"
    if site in record.adopted:
        for name in record.adopted[site].quarantined:
            yield f"adopt: quarantined {name}"


def _refused_by(
    reports: Mapping[str, DistillReport | ReviewReport | AdoptReport], site: str, what: str
) -> Iterator[str]:
    for code, count in sorted(
        Counter(
            report.refused[site] for report in reports.values() if site in report.refused
        ).items()
    ):
        yield f"{what} by {count} of {len(reports)} ({code})"


def taught(finished: Finished) -> Taught:
    """Virtual rows by teacher and student, summed over sites and rounds."""
    sums: dict[str, Counter[str]] = {site: Counter() for site in finished.plan.sites}
    for record in finished.rounds:
        for report in record.distilled.values():
            for teacher, students in report.taught.items():
                if teacher in sums:
                    sums[teacher].update(students)
    return {teacher: dict(sorted(students.items())) for teacher, students in sums.items()}


def engines(finished: Finished) -> dict[str, str]:
    """Engine that wrote with each teacher's model, as its sites last said, in roster order."""
    said = {
        teacher: engine
        for record in finished.rounds
        for report in record.distilled.values()
        for teacher, engine in report.engines.items()
    }
    return {site: said[site] for site in finished.plan.sites if site in said}


_RECORD = TypeAdapter(Record)
_OF_KEYS_AND_CLOCKS: dict[str, Any] = {
    "ledgers": True,
    "reviewed": {"__all__": {"scores": {"__all__": {"signature"}}}},
}


def result_digest(finished: Finished) -> str:
    """SHA-256, hex, of what the sites reported, round by round.

    The same rules, sites and seed give the same, whoever's keys sign and however often the run
    was broken off: names of runs, times, signatures and ledgers' heads are left out.
    """
    told = {
        "rules": finished.plan.rules.model_dump(mode="json"),
        "schema": finished.plan.schema_digest,
        "sites": finished.plan.sites,
        "rounds": [
            _RECORD.dump_python(record, mode="json", exclude=_OF_KEYS_AND_CLOCKS)
            for record in finished.rounds
        ],
        "stopped": finished.stopped,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
