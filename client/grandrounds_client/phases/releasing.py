"""From training rows to a release: trained, exported, and looked through by its owner."""

import numpy as np

from grandrounds_client.arrays import Floats
from grandrounds_client.learners import Learner
from grandrounds_client.learners.training import prepare
from grandrounds_client.lint import check_classes, check_rows, merge_small_leaves
from grandrounds_client.metrics import evaluate
from grandrounds_client.phases.base import Question
from grandrounds_client.release import card, export
from grandrounds_client.rounded import metrics
from grandrounds_client.site import Site
from grandrounds_client.split import Examples
from grandrounds_client.vet import vet
from grandrounds_client.weights import most_of, scale
from grandrounds_protocol.records import ModelCard
from grandrounds_protocol.release import ModelRelease


def release_of(question: Question, learner: Learner, virtual: Examples, purpose: str) -> bytes:
    """Train on own and virtual rows, and return the release once its owner's checks passed.

    Parameters
    ----------
    virtual : Examples
        What the model is to learn beside own training rows; may be empty.
    purpose : str
        Names the seed.

    Raises
    ------
    ModelHoldsRows
        If the model speaks of too few patients, or holds training rows.
    """
    graph = trained(
        question.site,
        question.split.train,
        learner,
        virtual,
        min_rows=question.site.min_rows(question.rules),
        rng=question.rng("shuffle"),
        seed=question.seed(purpose),
        weight=_weight(question, len(virtual)),
    )
    return ModelRelease(_card(question, learner.algorithm, graph), graph).to_bytes()


def _weight(question: Question, virtual: int) -> Floats:
    """How much each row counts, own ones first."""
    own = len(question.split.train)
    each = scale(own, virtual, most_of(question.recipe)) if virtual else 1.0
    return np.repeat(np.array([1, each], np.float32), [own, virtual])


def trained(
    site: Site,
    own: Examples,
    learner: Learner,
    virtual: Examples,
    *,
    min_rows: int,
    rng: np.random.Generator,
    seed: int,
    weight: Floats | None = None,
) -> bytes:
    """Train on own and virtual rows, and return the graph once its owner's checks passed.

    Parameters
    ----------
    own, virtual : Examples
        The site's training rows, and what the model is to learn beside them; may be empty.
    min_rows : int
        Fewest own rows that a leaf or a class's mean may speak of.
    rng : numpy Generator
        Shuffles; not asked where there is no virtual row.
    seed : int
        The learner's.
    weight : float32 [N + M] or None
        How much each row counts, own ones first, above 0; 1 if None.

    Raises
    ------
    ModelHoldsRows
        If the model speaks of too few patients, or holds training rows.
    """
    rows = Examples(np.concatenate([own.x, virtual.x]), np.concatenate([own.y, virtual.y]))
    order = rng.permutation(len(rows)) if len(virtual) else np.arange(len(rows))
    model = learner.fit(
        rows.x[order][:, site.columns],
        rows.y[order],
        classes=site.classes,
        weight=None if weight is None else weight[order],
        seed=seed,
    )
    graph = export(model, site.columns, site.layout.width)
    if not site.settings.patients:
        return graph
    balanced = getattr(learner, "balanced", False)
    counted = prepare(rows.x, rows.y, classes=site.classes, weight=weight, balanced=balanced)
    graph, _ = merge_small_leaves(graph, own.x, min_rows, virtual=virtual.x, weight=counted.weight)
    check_classes(graph, own, rows, site.columns, min_rows)
    check_rows(graph, own.x, site.columns)
    return graph


def _card(question: Question, algorithm: str, graph: bytes) -> ModelCard:
    """Describe a model with figures of the site's validation rows, never of held-out ones."""
    site = question.site
    teacher = vet(
        graph,
        name=site.name,
        algorithm=algorithm,
        width=site.layout.width,
        classes=site.classes,
    )
    validation = question.split.validation
    return card(
        site.name,
        algorithm,
        _features(site),
        site.federation.class_names,
        rows=len(question.split.train),
        validation=metrics(evaluate(teacher.predict_proba(validation.x), validation.y)),
    )


def _features(site: Site) -> list[str]:
    own = set(site.columns.tolist())
    return [name for name, columns in site.layout.slices.items() if columns.start in own]
