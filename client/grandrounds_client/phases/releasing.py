"""From training rows to a release: trained, exported, and looked through by its owner."""

import numpy as np

from grandrounds_client.learners import Learner
from grandrounds_client.learners.training import prepare
from grandrounds_client.lint import check_classes, check_rows, merge_small_leaves
from grandrounds_client.metrics import evaluate
from grandrounds_client.phases.base import Question
from grandrounds_client.release import card, export
from grandrounds_client.site import Site
from grandrounds_client.split import Examples
from grandrounds_client.vet import vet
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
    site, train = question.site, question.split.train
    fitted = Examples(np.concatenate([train.x, virtual.x]), np.concatenate([train.y, virtual.y]))
    order = np.arange(len(fitted))
    if len(virtual):
        order = question.rng("shuffle").permutation(len(fitted))
    model = learner.fit(
        fitted.x[order][:, site.columns],
        fitted.y[order],
        classes=site.classes,
        weight=None,
        seed=question.seed(purpose),
    )
    graph = export(model, site.columns, site.layout.width)
    if site.settings.patients:
        graph = _looked_through(question, learner, graph, virtual, fitted)
    return ModelRelease(_card(question, learner.algorithm, graph), graph).to_bytes()


def _looked_through(
    question: Question, learner: Learner, graph: bytes, virtual: Examples, fitted: Examples
) -> bytes:
    site, own, fewest = question.site, question.split.train, question.rules.min_rows
    weight = prepare(
        fitted.x,
        fitted.y,
        classes=site.classes,
        weight=None,
        balanced=getattr(learner, "balanced", False),
    ).weight
    graph, _ = merge_small_leaves(graph, own.x, fewest, virtual=virtual.x, weight=weight)
    check_classes(graph, own, fitted, site.columns, fewest)
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
        validation=evaluate(teacher.predict_proba(validation.x), validation.y),
    )


def _features(site: Site) -> list[str]:
    own = set(site.columns.tolist())
    return [name for name, columns in site.layout.slices.items() if columns.start in own]
