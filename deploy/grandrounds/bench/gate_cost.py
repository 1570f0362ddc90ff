"""What the release gate costs in learning: a recipe behind it, beside the paper's without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
from rich.table import Table

from grandrounds.results import Comparison, Results, SiteResult
from grandrounds.simulate import compare, prepare, run
from grandrounds.tables import titled
from grandrounds_client.site import Site

Score = Callable[[SiteResult], tuple[float | None, float | None]]
"""What a site scores on held-out rows, before and after."""


def _score(rows: str, measure: str) -> Score:
    def both(site: SiteResult) -> tuple[float | None, float | None]:
        found: Comparison = getattr(site, rows)
        return getattr(found.before, measure), getattr(found.after, measure)

    return both


SCORES: dict[str, Score] = {
    "own accuracy": _score("own", "accuracy"),
    "own balanced": _score("own", "balanced_accuracy"),
    "federation accuracy": _score("federation", "accuracy"),
    "federation balanced": _score("federation", "balanced_accuracy"),
}


@dataclass(frozen=True)
class Cost:
    """One score, on held-out rows, in percent: each a mean over sites, by seed.

    Attributes
    ----------
    alone, paper, gated : list of float
        Of the models as they were, as the paper's recipe left them where nothing is held
        back (`patients = false`), and as the recipe left them with its gate.
    """

    alone: list[float]
    paper: list[float]
    gated: list[float]


def measure_cost(
    folder: Path, recipe: str, seeds: int, note: Callable[[str], object]
) -> dict[str, Cost]:
    """Run the federation to its end with both, for every seed; costs by score.

    Without the gate, the owner's checks of its model are off, too: one setting turns both off.
    """
    paper, gated = [], []
    for seed in range(seeds):
        note(f"cost: seed {seed + 1} of {seeds}")
        paper.append(finished(folder, "paper", seed, patients=False))
        gated.append(finished(folder, recipe, seed, patients=True))
    return costs(paper, gated)


def finished(folder: Path, recipe: str, seed: int, *, patients: bool) -> Results:
    """Run a federation to its end, all its sites holding patients' rows or none."""
    simulation = prepare(folder, recipe=recipe, seed=seed)
    sites = {name: _as(site, patients) for name, site in simulation.sites.items()}
    simulation = replace(simulation, sites=sites)
    return compare(simulation, run(simulation, lambda *_: None))


def _as(site: Site, patients: bool) -> Site:
    settings = site.settings.model_copy(update={"patients": patients})
    # models of this folder's own sites: no process apart is needed
    return replace(site, settings=settings, worker=None)


def costs(paper: Sequence[Results], gated: Sequence[Results]) -> dict[str, Cost]:
    """Sum up runs of the same seeds."""
    return {name: _cost(paper, gated, score) for name, score in SCORES.items()}


def _cost(paper: Sequence[Results], gated: Sequence[Results], score: Score) -> Cost:
    rows = [_means(*pair, score) for pair in zip(paper, gated, strict=True)]
    alone, after_paper, after_gated = (list(column) for column in zip(*rows, strict=True))
    return Cost(alone, after_paper, after_gated)


def _means(paper: Results, gated: Results, score: Score) -> tuple[float, float, float]:
    """Over sites that have a score in both: one whose model may not leave has none."""
    scores = [
        (before, after_paper, after_gated)
        for name in gated.sites
        for before, after_gated in [score(gated.sites[name])]
        for _, after_paper in [score(paper.sites[name])]
        if before is not None and after_paper is not None and after_gated is not None
    ]
    alone, by_paper, by_recipe = (100 * mean(column) for column in zip(*scores, strict=True))
    return alone, by_paper, by_recipe


def table(recipe: str, found: dict[str, Cost]) -> Table:
    """Lay the costs out: medians over seeds, quartiles of the paired differences."""
    shown = titled(
        f"{recipe}: held-out rows, percent",
        text=("score",),
        numbers=("alone", "paper", recipe, "change", "quartiles"),
    )
    for name, cost in found.items():
        low, middle, high = np.quantile(np.subtract(cost.gated, cost.paper), [0.25, 0.5, 0.75])
        medians = (f"{np.median(each):.1f}" for each in (cost.alone, cost.paper, cost.gated))
        shown.add_row(name, *medians, f"{middle:+.1f}", f"{low:+.1f} to {high:+.1f}")
    return shown


EXPLAIN = (
    "balanced: balanced accuracy. Means over sites; medians over seeds. alone: the first model; "
    "paper: after the recipe `paper` with nothing held back (patients = false); the change "
    "from paper to the recipe is paired by seed."
)
