"""What happened in each round: released, received, refused, adopted, and why."""

from dataclasses import dataclass

from grandrounds.report.numbers import DASH, Change, change
from grandrounds.report.verdicts import why
from grandrounds_protocol.records import Score
from grandrounds_server.state import Record


@dataclass(frozen=True)
class SiteRound:
    """One site in one round; counts are None where it did not come that far."""

    name: str
    released: int | None
    """Rows written for peers."""
    at_home: int | None
    """Rows written for the site itself; they do not travel."""
    received: int | None
    refused: tuple[str, ...]
    reviewers: str
    gain: Change
    verdict: str
    why: tuple[str, ...]
    failed: bool
    engines: dict[str, str]
    """By teacher."""
    converged: float | None


@dataclass(frozen=True)
class Reviews:
    """Gains by student and reviewer, in points; a dash where nothing was scored."""

    reviewers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Change, ...]], ...]
    abstained: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """One round of all sites, or its second attempt, of those who made one."""

    number: int
    attempt: int
    sites: tuple[SiteRound, ...]
    reviews: Reviews


def history(rounds: tuple[Record, ...], sites: tuple[str, ...]) -> tuple[Round, ...]:
    """Lay out the rounds."""
    return tuple(
        Round(
            record.number,
            record.attempt,
            tuple(_site(record, name) for name in _shown(record, sites)),
            _reviews(record, sites),
        )
        for record in rounds
    )


def _shown(record: Record, sites: tuple[str, ...]) -> tuple[str, ...]:
    """All sites of a round; of its second attempt those who took part in it."""
    if record.attempt == 1:
        return sites
    asked = {*record.retrained, *record.adopted, *record.failures}
    return tuple(name for name in sites if name in asked)


def _site(record: Record, name: str) -> SiteRound:
    written, arrived = record.distilled.get(name), record.retrained.get(name)
    adopted = record.adopted.get(name)
    everything = sum(sum(row.values()) for row in written.taught.values()) if written else 0
    at_home = sum(row.get(name, 0) for row in written.taught.values()) if written else 0
    return SiteRound(
        name=name,
        released=everything - at_home if written else None,
        at_home=at_home if written else None,
        received=arrived.received if arrived else None,
        refused=_refused(record, name),
        reviewers=str(adopted.verdict.reviewers) if adopted else DASH,
        gain=_gain(adopted.verdict.gain if adopted else None),
        verdict=_verdict(record, name),
        why=_why(record, name),
        failed=name in record.failures,
        engines=dict(written.engines) if written else {},
        converged=written.converged if written else None,
    )


def _refused(record: Record, name: str) -> tuple[str, ...]:
    found: list[str] = []
    if name in record.distilled:
        models = record.distilled[name].refused.items()
        found += [f"model of {peer}: {code}" for peer, code in models]
    if name in record.retrained:
        senders = record.retrained[name].refused.items()
        found += [
            f"{count} of {sender}: {reason}"
            for sender, reasons in senders
            for reason, count in reasons.items()
        ]
    if name in record.reviewed:
        candidates = record.reviewed[name].refused.items()
        found += [f"candidate of {peer}: {code}" for peer, code in candidates]
    if name in record.adopted:
        left_out = record.adopted[name].refused.items()
        found += [f"{peer} in the ensemble: {code}" for peer, code in left_out]
    return tuple(found)


def _gain(gain: float | None) -> Change:
    return change(None if gain is None else 0.0, gain)


def _verdict(record: Record, name: str) -> str:
    adopted = record.adopted.get(name)
    if adopted is None:
        return "failed" if name in record.failures else "not reached"
    return "adopted" if adopted.adopted else "not adopted"


def _why(record: Record, name: str) -> tuple[str, ...]:
    adopted = record.adopted.get(name)
    reasons = [why(adopted.reason)] if adopted else []
    if adopted:
        reasons += [f"from now on it uses nothing of {peer}" for peer in adopted.quarantined]
    failures = record.failures.get(name, {}).items()
    return (*reasons, *(f"{phase}: {found.reason} ({found.code})" for phase, found in failures))


def _reviews(record: Record, sites: tuple[str, ...]) -> Reviews:
    scores = {name: record.scores_of(name, sites) for name in sites}
    reviewers = tuple(name for name in sites if any(name in given for given in scores.values()))
    rows = tuple(
        (name, tuple(_scored(given.get(reviewer)) for reviewer in reviewers))
        for name, given in scores.items()
        if given
    )
    abstained = tuple(name for name, report in record.reviewed.items() if report.abstained)
    return Reviews(reviewers, rows, abstained)


def _scored(score: Score | None) -> Change:
    return change(None, None) if score is None else change(score.current, score.candidate)
