"""On drawn seeds nothing that leaves depends on patients, but through the noisy release."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grandrounds_client import state as kept
from grandrounds_client.learners import make_learner
from grandrounds_client.private import releases
from grandrounds_client.recipes import Classroom, Lessons, Recipe, on_drawn_seeds
from grandrounds_client.service import answer
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.messages import Parcel, Reply
from grandrounds_protocol.records import DistillReport
from grandrounds_protocol.schema import Federation, Rules
from tests import keys
from tests.client.asking import ROWS, Make, ask, exact, failure, opened

RULES = Rules(recipe="private", privacy_epsilon=3.0, seeds=120, sure=0.5)


@pytest.fixture
def site(federation: Federation, settings: Make, write: Callable[[str], Path]) -> Site:
    """A site of a simulation that has published."""
    site = replace(opened(federation, settings(), write(ROWS)), simulated=True)
    answer(site, ask(site, "publish", rules=RULES))
    return site


@pytest.fixture
def south(site: Site, settings: Make) -> Parcel:
    """The release of a peer that has the same rows and another learner."""
    learners = tuple(make_learner("naive-bayes", {}, "south"))
    peer = replace(
        site,
        settings=settings(name="south"),
        learners=learners,
        store={},
        identity=keys.identity("south"),
    )
    return exact(peer, ask(peer, "publish", rules=RULES)).parcels[0]


def without_reply(store: dict[str, bytes] | object) -> dict[str, bytes]:
    assert isinstance(store, dict)
    return {key: value for key, value in store.items() if "1/1/distill" not in key}


def sent_by(site: Site, question: bytes) -> bytes:
    """What a site answers, before it is sealed: no two envelopes are alike."""
    answer(site, question)
    return site.store["r/said/1/1/distill"]


def with_release_of(neighbour: Site, site: Site) -> Site:
    """Give a site the noisy release that another one has for its rows."""
    mine, theirs = (
        f"privacy/release/{releases._digest(each, split_rows(each, RULES).train, 3.0)}"
        for each in (neighbour, site)
    )
    assert mine != theirs
    neighbour.store[mine] = site.store[theirs]
    return neighbour


def test_other_patients_with_the_same_release_and_models_send_the_same_bytes(
    site: Site, south: Parcel
) -> None:
    question = ask(site, "distill", south, rules=RULES)
    sent = sent_by(site, question)
    rows = site.rows
    others = replace(rows, x=np.flip(1 - rows.x, axis=1).copy(), y=np.roll(1 - rows.y, 7))
    neighbour = replace(site, rows=others, store=without_reply(site.store))
    assert sent_by(with_release_of(neighbour, site), question) == sent
    reply = Reply.from_bytes(sent)
    report = reply.body.report
    assert isinstance(report, DistillReport)
    assert report.taught.keys() <= {"north", "south"}
    assert report.gated is None
    assert reply.parcels


def test_a_release_stands_in_the_ledger_before_what_was_drawn_from_it_is_sealed(
    site: Site, south: Parcel
) -> None:
    answer(site, ask(site, "distill", south, rules=RULES))
    assert site.identity is not None
    events = [entry.what.event for entry in site.identity.ledger.entries()]
    assert events[-4:] == ["opened", "private release", "sealed", "answered"]


def test_one_other_patient_and_no_release_kept_changes_what_is_sent(
    site: Site, south: Parcel
) -> None:
    question = ask(site, "distill", south, rules=RULES)
    sent = sent_by(site, question)
    y = site.rows.y.copy()
    y[split_rows(site, RULES).train.y.argmax()] ^= 1
    fresh = {key: value for key, value in without_reply(site.store).items() if "privacy" not in key}
    other = replace(site, rows=replace(site.rows, y=y), store=fresh)
    assert sent_by(other, question) != sent


@pytest.mark.parametrize("error", [BadModel("not a number, on a patient"), ValueError("other")])
def test_a_model_that_fails_on_patients_is_not_refused_for_it(
    site: Site, south: Parcel, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object) -> float:
        raise error

    question = ask(site, "distill", south, rules=RULES)
    sent = sent_by(site, question)
    module = importlib.import_module("grandrounds_client.phases.distill")
    monkeypatch.setattr(module, "validation_score", failing)
    assert sent_by(replace(site, store=without_reply(site.store)), question) == sent


def test_the_recipe_is_handed_no_row_of_the_site(site: Site, south: Parcel) -> None:
    seen: list[Classroom] = []

    @on_drawn_seeds
    def noting(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
        seen.append(classroom)
        return []

    distilled(site, south, noting)
    (classroom,) = seen
    assert classroom.drawn
    patients = {row.tobytes() for row in site.rows.x}
    assert not patients & {row.tobytes() for row in classroom.x}
    mean = classroom.probabilities.mean(axis=0)
    assert (mean.argmax(axis=1) == classroom.y).all()
    assert (mean.max(axis=1) >= RULES.sure - 1e-6).all()
    assert (classroom.correct == (classroom.probabilities.argmax(axis=2) == classroom.y)).all()


def distilled(site: Site, south: Parcel, recipe: Recipe, **changes: object) -> Reply:
    """Answer with a recipe passed in, which the rules of this run know under the same name."""
    rules = Rules.model_validate({**RULES.model_dump(), **changes})
    store = {key: value for key, value in site.store.items() if not key.endswith(kept.RULES)}
    own = replace(site, recipes={"private": recipe}, store=store)
    reply = exact(own, ask(own, "distill", south, rules=rules))
    assert reply.body.failure is None
    return reply


def test_no_recipe_on_drawn_seeds_can_send_them_through_the_gate(site: Site, south: Parcel) -> None:
    @on_drawn_seeds
    def claiming(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
        students = np.ones((len(classroom.y), 2), np.bool_)
        students[:, 0] = False
        return [Lessons(0, classroom.x, classroom.y, students, from_rows=True)]

    report = distilled(site, south, claiming).body.report
    assert isinstance(report, DistillReport)
    assert report.gated is None
    assert report.taught


def test_a_site_draws_no_more_seeds_than_its_quota(site: Site, south: Parcel) -> None:
    seen: list[int] = []

    @on_drawn_seeds
    def counting(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
        seen.append(len(classroom.y))
        return []

    distilled(site, south, counting, quota=30, sure=0.01)
    assert seen == [30]


def test_where_the_committee_is_never_sure_nothing_is_taught(site: Site, south: Parcel) -> None:
    def never(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
        raise AssertionError(classroom, rng)

    report = distilled(site, south, on_drawn_seeds(never), sure=1.0).body.report
    assert isinstance(report, DistillReport)
    assert report.taught == {}
    assert report.converged is None


def test_past_its_budget_a_site_teaches_nobody_and_says_no_figure(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    site = opened(federation, settings(privacy={"budget": 1}), write(ROWS))
    answer(site, ask(site, "publish", rules=RULES))
    refused = failure(site, ask(site, "distill", rules=RULES))
    assert refused.code == "BudgetSpent"
    assert refused.reason == "the site's privacy budget does not allow it"
