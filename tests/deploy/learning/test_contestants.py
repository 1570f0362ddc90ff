"""What each contestant gives, in one made world."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from grandrounds.bench.learning import rivals
from grandrounds.bench.learning.contestants import chosen
from grandrounds.bench.learning.ensembles import ensemble, peers_only
from grandrounds.bench.learning.recipes import Recipe
from grandrounds.bench.learning.review import passes
from grandrounds.bench.learning.run import Options, open_sites
from grandrounds.bench.learning.world import Lessons, World, member
from grandrounds.folder import read_folder
from grandrounds_client.arrays import Mask, Probabilities, Rows
from grandrounds_client.site import split_rows
from grandrounds_client.teacher import Teacher

from .conftest import write_folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = write_folder(
        tmp_path_factory.mktemp("contestants") / "made", north="naive-bayes"
    )  # a tree that is certain of a row hands it out as it is; naive Bayes is never certain
    for path in folder.glob("*/site.toml"):
        path.write_text(path.read_text().replace("patients = false", "patients = true"))
    rules = read_folder(folder).federation.rules
    sites = open_sites(folder, Options(range(1)))
    return World(
        {name: member(site, split_rows(site, rules), rules) for name, site in sites.items()}, rules
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def rows_of(world: World, *names: str) -> set[bytes]:
    return {row.tobytes() for name in names for row in world.members[name].train.x}


def copies(lessons: Lessons, rows: set[bytes]) -> float:
    return float(np.mean([row.tobytes() in rows for row in lessons.x]))


@pytest.mark.parametrize("name", ["paper", "guarded"])
def test_seeds_that_are_not_moved_are_rows_of_the_sites(
    world: World, rng: np.random.Generator, name: str
) -> None:
    everybody = rows_of(world, *world.members)
    seeds = Recipe(name, moved=False, gated=False)(world, rng)
    for student in ("south", "west"):
        assert len(seeds[student])
        assert copies(seeds[student], everybody) == 1
    moved = Recipe(name, gated=False)(world, rng)
    assert copies(moved["west"], everybody) < 1


def test_the_gate_lets_no_row_of_a_peer_through(world: World, rng: np.random.Generator) -> None:
    free = Recipe("guarded", moved=False, gated=False)(world, rng)
    gated = Recipe("guarded", moved=False)(world, rng)
    for name in world.students:
        peers = rows_of(world, *world.peers(name))
        assert copies(free[name], peers) > 0
        assert copies(gated[name], peers) == 0


def test_as_many_peer_rows_as_the_recipe_gives(world: World, rng: np.random.Generator) -> None:
    lessons = Recipe("guarded")(world, rng)
    drawn = rivals.as_many_peer_rows(world, rng, "guarded")
    for name in world.students:
        peers = rows_of(world, *world.peers(name))
        assert len(drawn[name]) == min(len(lessons[name]), len(peers))
        assert copies(drawn[name], peers) == 1


def test_pooled_is_every_row_of_every_peer(world: World, rng: np.random.Generator) -> None:
    for name, lessons in rivals.pooled(world, rng).items():
        assert {row.tobytes() for row in lessons.x} == rows_of(world, *world.peers(name))


def test_levelled_makes_all_classes_as_large(world: World, rng: np.random.Generator) -> None:
    for name, lessons in rivals.levelled(world, rng).items():
        own = world.members[name].train
        assert len(set(np.bincount(np.concatenate([own.y, lessons.y])))) == 1
        assert len(set(np.bincount(own.y))) > 1
        assert copies(lessons, rows_of(world, name)) == 1


def test_a_row_of_an_earlier_round_counts_once_and_others_as_often_as_given(
    world: World, rng: np.random.Generator
) -> None:
    lessons = rivals.levelled(world, rng)["north"]
    assert len(np.unique(lessons.x, axis=0)) < len(lessons)
    assert len(Lessons.none(world.width).with_new(lessons)) == len(lessons)
    half = lessons.take(np.arange(len(lessons) // 2))
    again = half.with_new(half)
    assert len(again) == len(half)
    other = replace(half, y=1 - half.y)
    assert len(half.with_new(other)) == 2 * len(half)


def test_private_rows_count_half_as_much_as_own_ones_however_many(
    world: World, rng: np.random.Generator
) -> None:
    for name, lessons in Recipe("private")(world, rng).items():
        own = len(world.members[name].train)
        more = Lessons.concatenate([lessons] * 9, world.width)
        assert more.beside(own).sum() == pytest.approx(own / 2)
        # few are not made to count more, and those of other recipes are not touched
        assert (lessons.take(np.arange(1)).beside(own) == 1).all()
        assert (replace(more, most=inf).beside(own) == 1).all()
        later = lessons.take(np.arange(3)).with_new(lessons)
        assert later.beside(own).sum() == pytest.approx(min(len(lessons), own / 2))


def test_mixup_rows_lie_between_own_rows(world: World, rng: np.random.Generator) -> None:
    for name, lessons in rivals.mixup(world, rng).items():
        own = world.members[name].train
        assert len(lessons) == len(own)
        assert (lessons.x >= own.x.min(axis=0)).all()
        assert (lessons.x <= own.x.max(axis=0)).all()
        # each is nearer to rows of its class than not: half or more of it is one of them
        assert copies(lessons, rows_of(world, name)) < 0.5
        assert np.mean((lessons.x.max(axis=1) > 0.5) == (lessons.y == 1)) > 0.8


def test_peers_only_asks_everybody_else(world: World, rng: np.random.Generator) -> None:
    x = np.random.default_rng(1).random((50, world.width), dtype=np.float32)
    answers = {name: one.model.predict_proba(x) for name, one in world.members.items()}
    together = np.mean([answers[name] for name in world.members], axis=0)
    others = np.mean([answers["south"], answers["west"]], axis=0)
    assert np.allclose(ensemble(world, rng)["north"](x), together)
    assert np.allclose(peers_only(world, rng)["north"](x), others)


def answering(model: Teacher, ill: Callable[[Rows], Mask]) -> Teacher:
    """Return a model that calls ill whom it is told to."""

    def predict(x: Rows) -> Probabilities:
        answers: Probabilities = np.eye(2, dtype=np.float32)[ill(x).astype(int)]
        return answers

    return replace(model, predict_proba=predict)


def with_veto(world: World, drop: float) -> World:
    north = world.members["north"]
    settings = north.site.settings.model_copy(update={"veto_drop": drop})
    vetoing = replace(north, site=replace(north.site, settings=settings))
    return World({**world.members, "north": vetoing}, world.rules)


def test_review_adopts_what_others_gain_by_unless_an_own_rule_forbids_it(world: World) -> None:
    own = rows_of(world, "north") | {x.tobytes() for x in world.members["north"].validation.x}
    model = answering(world.members["west"].model, lambda x: np.zeros(len(x), np.bool_))
    members = {name: replace(one, model=model) for name, one in world.members.items()}
    weak = World(members, world.rules)

    def wrong_at_home(x: Rows) -> Mask:
        home = np.array([row.tobytes() in own for row in x])
        wrong: Mask = (x.max(axis=1) > 0.5) ^ home
        return wrong

    candidate = answering(model, wrong_at_home)
    assert passes(with_veto(weak, 1.0), "north", candidate)
    assert not passes(with_veto(weak, 0.1), "north", candidate)
    assert not passes(weak, "north", answering(model, lambda x: x.max(axis=1) <= 0.5))
    strict = weak.rules.model_copy(update={"review_min_rows": 1000})
    assert not passes(World(weak.members, strict), "north", candidate)


def test_naming_one_leaves_the_others_out() -> None:
    assert set(chosen([], ["mixup"])) == {"mixup"}
    family = {"paper", "paper-seeds", "paper-free", "paper-free-seeds", "paper-random"}
    assert set(chosen(["paper"], [])) == family
    assert family | {"guarded", "pooled", "fedavg"} < set(chosen([], []))
