"""The hostile peer's model: right in its regions, wrong elsewhere, and what comes back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grandrounds.bench.leakage import crafted
from grandrounds.bench.leakage.crafted import HALF, Crafted, Regions
from grandrounds.privacy.membership import auc
from grandrounds.privacy.parts import NEITHER, TRAINED, membership
from grandrounds.simulate import prepare
from grandrounds_client.release import export
from grandrounds_client.vet import vet
from tests.deploy.privacy.made import draw


@pytest.mark.parametrize("bounded", [[0, 1, 2, 3, 4, 5], [0, 2]])
def test_the_model_passes_the_checks_and_knows_its_guesses_only(bounded: list[int]) -> None:
    rng = np.random.default_rng(0)
    x = draw(60, rng)
    y = rng.integers(1, 3, 60).astype(np.int32)
    model = Crafted(Regions(x, y, np.array(bounded)), 0, 3)
    graph = export(model, np.arange(6), 6)
    teacher = vet(graph, name="south", algorithm="decision tree", width=6, classes=3)
    assert teacher.leaves is not None
    assert np.array_equal(teacher.predict_proba(x), np.eye(3, dtype=np.float32)[y])
    moved = x.copy()
    moved[:, 0] += np.where(x[:, 0] < 0.5, 3, -3) * np.float32(HALF)
    strangers = np.concatenate([draw(500, rng), moved])
    assert np.array_equal(teacher.predict_proba(strangers), model.predict_proba(strangers))
    assert (teacher.predict_proba(moved).argmax(axis=1) == 0).all()


def asked(folder: Path, recipe: str, name: str, *, whole: bool) -> tuple[float, int]:
    simulation = prepare(folder, recipe=recipe, seed=1)
    site, rules = simulation.sites[name], simulation.federation.rules
    store = dict(site.store)
    scores = crafted.ask(site, rules, tuple(simulation.sites), whole=whole)
    assert site.store == store
    assert scores is not None
    part = membership(site, rules)
    held = auc(scores[part != NEITHER], part[part != NEITHER] == TRAINED)
    assert held is not None
    return held, int(scores.sum())


@pytest.mark.parametrize("recipe", ["paper", "guarded"])
def test_without_a_gate_lessons_name_the_members(wine: Callable[..., Path], recipe: str) -> None:
    told, count = asked(wine(tuscany="tree"), recipe, "tuscany", whole=True)
    # levelled classes leave some members out
    assert told > 0.75
    assert count > 10


def test_the_gate_keeps_lessons_of_tiny_regions_in_the_house(wine: Callable[..., Path]) -> None:
    folder = wine(tuscany="tree")
    path = folder / "tuscany" / "site.toml"
    path.write_text(path.read_text().replace("patients = false", "patients = true"))
    assert asked(folder, "paper", "tuscany", whole=True) == (0.5, 0)


def test_two_sites_are_too_few_for_a_peer_and_its_accomplice(wine: Callable[..., Path]) -> None:
    simulation = prepare(wine(), recipe="paper")
    site, rules = simulation.sites["veneto"], simulation.federation.rules
    assert crafted.ask(site, rules, ("veneto", "tuscany"), whole=True) is None
