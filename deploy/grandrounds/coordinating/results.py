"""What a run came to, as far as a coordinator is told: ranges, and what sites reported."""

from pathlib import Path

from grandrounds.report.page import federation_page
from grandrounds.report.story import Story
from grandrounds.results import Comparison, Results, SiteResult, versions
from grandrounds_protocol.schema import Federation
from grandrounds_server.outcome import (
    SiteOutcome,
    engines,
    result_digest,
    site_outcomes,
    taught,
)
from grandrounds_server.rounds import Finished

UNKNOWN = "unknown"
OWN = ("grandrounds", "flwr")
"""Packages that the coordinator's part of a result depends on; of the sites' it knows nothing."""


class RunResults(Results):
    """`results.json` of a real run.

    Every count is where a range begins. What only a simulation knows, the figures on all sites'
    rows and what the virtual rows tell, is null.
    """

    run: str
    roster: int
    """Version that the run went by."""
    digest: str
    """SHA-256 of what the sites reported: the same for the same seed, sites and rules."""


def results_of(federation: Federation, finished: Finished) -> RunResults:
    """Say what a run came to."""
    rules = finished.plan.rules
    return RunResults(
        run=finished.plan.run,
        roster=finished.plan.roster.version,
        digest=result_digest(finished),
        federation=federation.name,
        recipe=rules.recipe,
        engine=rules.engine,
        seed=rules.seed,
        rounds=rules.rounds,
        versions=versions(OWN),
        sites={name: _site(outcome) for name, outcome in site_outcomes(finished).items()},
        taught=taught(finished),
        engines=engines(finished),
        seconds=dict(finished.seconds),
        stopped=finished.stopped,
    )


def write_outcome(folder: Path, federation: Federation, finished: Finished) -> Path:
    """Write `results.json` and `report.html` into a folder; return the second.

    Raises
    ------
    BadInput
        If it cannot be written.
    """
    results = results_of(federation, finished)
    results.write(folder)
    held = federation.model_copy(update={"rules": finished.plan.rules})
    story = Story(results, held, finished.rounds, {}, simulated=False)
    page = folder / "report.html"
    page.write_text(federation_page(story), encoding="utf-8")
    return page


def _site(outcome: SiteOutcome) -> SiteResult:
    card, adopt = outcome.card, outcome.adopt
    own = Comparison()
    if adopt is not None:
        own = Comparison(before=adopt.before, after=adopt.after, ensemble=adopt.ensemble)
    return SiteResult(
        learner=UNKNOWN if card is None else card.algorithm,
        rows=0 if card is None else _begins(card.rows),
        own=own,
        federation=Comparison(),
        received=outcome.received,
        adopted=0 if adopt is None else adopt.virtual_rows,
        quarantined=outcome.quarantined,
        reason=outcome.reason,
        ledger=outcome.ledger,
    )


def _begins(span: str) -> int:
    """Where a range of counts begins."""
    return int(span.rstrip("+").partition("-")[0])
