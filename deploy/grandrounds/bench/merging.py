"""What it costs to merge small leaves before release, on patients held out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds.bench.rows import HEART
from grandrounds.folder import read_folder
from grandrounds_client.encoding import Encoded
from grandrounds_client.learners import make_learner
from grandrounds_client.learners.training import prepare
from grandrounds_client.lint import merge_small_leaves
from grandrounds_client.metrics import evaluate
from grandrounds_client.release import export
from grandrounds_client.site import load_rows
from grandrounds_client.split import Examples, split
from grandrounds_client.vet import vet
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator

K = 10
"""Fewest rows that a leaf may speak of."""
SEEDS = 10


@dataclass(frozen=True)
class Trees:
    """A learner, and whether it was taught.

    Attributes
    ----------
    taught : bool
        Whether as many rows of the other hospitals, on its own columns, are added. They
        stand in for lessons: rows that train the leaves and are not the site's own.
    """

    learner: str
    parameters: Mapping[str, object]
    taught: bool = False


TREES: Mapping[str, Trees] = {
    "tree, leaf 10, as in the example": Trees("tree", {"min_leaf": 10}),
    "tree, leaf 1": Trees("tree", {"min_leaf": 1}),
    "forest": Trees("forest", {}),
    "forest, leaf 10": Trees("forest", {"min_leaf": 10}),
    "boosting": Trees("boosting", {}),
    "tree, leaf 10, taught": Trees("tree", {"min_leaf": 10}, taught=True),
    "forest, taught": Trees("forest", {}, taught=True),
    "boosting, taught": Trees("boosting", {}, taught=True),
}

Quartiles = tuple[float, float, float]
"""Lower quartile, median, upper quartile."""


@dataclass(frozen=True)
class Scored:
    """Figures over sites and seeds, all on held-out rows.

    Attributes
    ----------
    before, after : Quartiles
        Of the score itself.
    change : Quartiles
        Of the paired differences, after less before.
    """

    before: Quartiles
    after: Quartiles
    change: Quartiles


@dataclass(frozen=True)
class Cost:
    """One learner.

    Attributes
    ----------
    models : int
        Sites times seeds.
    leaves, left : float
        Mean number of leaves of a model, before and after.
    """

    learner: str
    models: int
    leaves: float
    left: float
    accuracy: Scored
    balanced_accuracy: Scored


def measure_merging(
    note: Callable[[str], object],
    *,
    seeds: int = SEEDS,
    k: int = K,
    learners: Mapping[str, Trees] = TREES,
) -> list[Cost]:
    """Train on each hospital of the heart example, merge, and compare on its held-out rows.

    A model is trained on a hospital's own training rows and columns, with balanced classes;
    each seed splits and trains anew. The example must be there: it lies beside the sources.
    """
    sites = _hospitals()
    found = []
    for name, trees in learners.items():
        note(f"merging: {name}")
        trials = [
            _trial(sites, at, trees, seed, k) for at in range(len(sites)) for seed in range(seeds)
        ]
        found.append(_cost(name, trials))
    return found


def _hospitals() -> list[Encoded]:
    read = read_folder(HEART)
    return [load_rows(site.settings, site.folder, read.federation) for site in read.sites]


@dataclass(frozen=True)
class _Trial:
    leaves: int
    left: int
    accuracy: tuple[float, float]
    balanced_accuracy: tuple[float, float]


def _trial(sites: Sequence[Encoded], at: int, trees: Trees, seed: int, k: int) -> _Trial:
    rules, site = Rules(), sites[at]
    rng = generator(seed, "merging", at)
    parts = split(site.x, site.y, validation=rules.validation, held_out=rules.held_out, rng=rng)
    own, classes = parts.train, int(site.y.max()) + 1
    lessons = _others(sites, at, len(own) if trees.taught else 0, rng)
    x, y = np.concatenate([own.x, lessons.x]), np.concatenate([own.y, lessons.y])
    (learner,) = make_learner(trees.learner, trees.parameters, "bench")
    rows = prepare(x[:, site.columns], y, classes=classes, weight=None, balanced=True)
    fitted = learner.fit(rows.x, y, classes=classes, weight=None, seed=seed)
    graph = export(fitted, site.columns, site.x.shape[1])
    after, _ = merge_small_leaves(graph, own.x, k, virtual=lessons.x, weight=rows.weight)
    scores = [_score(released, parts.held_out, classes) for released in (graph, after)]
    (accuracy, balanced), (accuracy_after, balanced_after) = scores
    return _Trial(
        leaves=graph.count(b"LEAF"),
        left=after.count(b"LEAF"),
        accuracy=(accuracy, accuracy_after),
        balanced_accuracy=(balanced, balanced_after),
    )


def _others(sites: Sequence[Encoded], at: int, count: int, rng: np.random.Generator) -> Examples:
    others = [site for site in sites if site is not sites[at]]
    x = np.concatenate([site.x for site in others])
    y = np.concatenate([site.y for site in others])
    chosen = rng.choice(len(y), count, replace=False)
    return Examples(x[chosen], y[chosen])


def _score(graph: bytes, held_out: Examples, classes: int) -> tuple[float, float]:
    width = held_out.x.shape[1]
    teacher = vet(graph, name="bench", algorithm="trees", width=width, classes=classes)
    metrics = evaluate(teacher.predict_proba(held_out.x), held_out.y)
    return _given(metrics.accuracy), _given(metrics.balanced_accuracy)


def _given(score: float | None) -> float:
    return np.nan if score is None else score


def _cost(learner: str, trials: Sequence[_Trial]) -> Cost:
    return Cost(
        learner=learner,
        models=len(trials),
        leaves=float(np.mean([trial.leaves for trial in trials])),
        left=float(np.mean([trial.left for trial in trials])),
        accuracy=_scored([trial.accuracy for trial in trials]),
        balanced_accuracy=_scored([trial.balanced_accuracy for trial in trials]),
    )


def _scored(pairs: Sequence[tuple[float, float]]) -> Scored:
    before, after = np.array(pairs).T
    return Scored(_quartiles(before), _quartiles(after), _quartiles(after - before))


def _quartiles(scores: npt.NDArray[np.float64]) -> Quartiles:
    low, middle, high = np.nanquantile(scores, [0.25, 0.5, 0.75]).tolist()
    return low, middle, high


def table(costs: Sequence[Cost]) -> str:
    """Return the costs as a table of Markdown: medians, quartiles in brackets."""
    head = (
        "| trees | leaves | left | accuracy | after | change | balanced accuracy | after | change |"
    )
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for cost in costs:
        scores = [
            quartiles
            for scored in (cost.accuracy, cost.balanced_accuracy)
            for quartiles in (scored.before, scored.after, scored.change)
        ]
        cells = [cost.learner, f"{cost.leaves:.0f}", f"{cost.left:.0f}"]
        lines.append(f"| {' | '.join([*cells, *map(_cell, scores)])} |")
    return "\n".join(lines)


def _cell(quartiles: Quartiles) -> str:
    low, middle, high = (f"{100 * score:.1f}" for score in quartiles)
    return f"{middle} ({low} to {high})"
