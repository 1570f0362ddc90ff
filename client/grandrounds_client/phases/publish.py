"""Publish: train, or take the adopted model, and release it to all peers."""

import json

from grandrounds_client import state as kept
from grandrounds_client.learners import choose
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.releasing import release_of
from grandrounds_client.split import Examples
from grandrounds_client.state import Changes
from grandrounds_protocol.errors import RecipeNotAllowed, SchemaMismatch
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.records import PublishOrder, PublishReport
from grandrounds_protocol.release import ModelRelease


def publish(question: Question, order: PublishOrder) -> Outcome:
    """Release the site's current model; the first time, train it.

    Raises
    ------
    SchemaMismatch
        If the coordinator means other features or classes.
    RecipeNotAllowed
        If site.toml does not allow the run's recipe.
    """
    _agree(question, order)
    if question.site.worker is not None:
        question.site.worker.start()  # it takes seconds, in which this site trains
    known = question.state.get(kept.CURRENT)
    changes = {} if known is not None else _train(question)
    changes[kept.RULES] = question.rules.model_dump_json().encode()
    changes[kept.ROSTER] = json.dumps(question.members).encode()
    release = known if known is not None else changes[kept.CURRENT]
    parcel = Parcel("release", question.site.name, question.peers, release)
    report = PublishReport(card=ModelRelease.from_bytes(release).card)
    return Outcome(report, (parcel,), changes)


def _agree(question: Question, order: PublishOrder) -> None:
    if order.schema_digest != question.site.federation.digest():
        raise SchemaMismatch(
            "the coordinator's federation.toml has other features or classes than this site's",
            where="federation.toml",
            remedy="ask the operator for the current file",
        )
    recipe, allowed = question.rules.recipe, question.site.settings.recipes
    if allowed is not None and recipe not in allowed:
        raise RecipeNotAllowed(
            f"recipe {recipe!r} is not among those this site takes part in",
            where="site.toml, field recipes",
        )
    _ = question.recipe  # unknown: refuse now, before any work


def _train(question: Question) -> Changes:
    site, train, validation = question.site, question.split.train, question.split.validation
    x = train.x[:, site.columns]
    learner = choose(
        site.learners,
        (x, train.y),
        (validation.x[:, site.columns], validation.y),
        classes=site.classes,
        seed=question.seed("train"),
    )
    nothing = Examples(train.x[:0], train.y[:0])
    release = release_of(question, learner, nothing, "train")
    chosen = str(site.learners.index(learner)).encode()
    return {kept.FIRST: release, kept.CURRENT: release, kept.LEARNER: chosen}
