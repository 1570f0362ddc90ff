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
TREES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "tree, as in the example": ("tree", {"min_leaf": 10, "balanced": True}),
    "tree, leaf 10, not balanced": ("tree", {"min_leaf": 10, "balanced": False}),
    "tree, leaf 5": ("tree", {"min_leaf": 5}),
    "tree, leaf 1": ("tree", {"min_leaf": 1}),
    "forest": ("forest", {}),
    "forest, leaf 10": ("forest", {"min_leaf": 10}),
    "boosting": ("boosting", {}),
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
    learners: Mapping[str, tuple[str, Mapping[str, object]]] = TREES,
) -> list[Cost]:
    """Train on each hospital of the heart example, merge, and compare on its held-out rows.

    A model is trained on a hospital's own training rows and columns; each seed splits and
    trains anew. The example must be there: it lies beside the sources.
    """
    sites = _hospitals()
    found = []
    for name, (learner, parameters) in learners.items():
        note(f"merging: {name}")
        trials = [
            _trial(site, learner, parameters, seed, k) for site in sites for seed in range(seeds)
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


def _trial(
    site: Encoded, learner: str, parameters: Mapping[str, object], seed: int, k: int
) -> _Trial:
    rules = Rules()
    rng = generator(seed, "merging", "split")
    parts = split(site.x, site.y, validation=rules.validation, held_out=rules.held_out, rng=rng)
    own, classes = parts.train, int(site.y.max()) + 1
    (one,) = make_learner(learner, parameters, "bench")
    x = own.x[:, site.columns]
    fitted = one.fit(x, own.y, classes=classes, weight=None, seed=seed)
    graph = export(fitted, site.columns, site.x.shape[1])
    balanced_classes = bool(parameters.get("balanced", True))
    weight = prepare(x, own.y, classes=classes, weight=None, balanced=balanced_classes).weight
    after, _ = merge_small_leaves(graph, own.x, k, weight=weight)
    scores = [_score(released, parts.held_out, classes) for released in (graph, after)]
    (accuracy, balanced), (accuracy_after, balanced_after) = scores
    return _Trial(
        leaves=graph.count(b"LEAF"),
        left=after.count(b"LEAF"),
        accuracy=(accuracy, accuracy_after),
        balanced_accuracy=(balanced, balanced_after),
    )


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
