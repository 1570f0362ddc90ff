"""The hostile peer's model that lights a beacon for one guess, and what comes back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grandrounds.bench.leakage import beacon
from grandrounds.bench.leakage.beacon import STEP, Aside, Beacon
from grandrounds.privacy.membership import auc
from grandrounds.simulate import prepare
from grandrounds_client.arrays import Rows
from grandrounds_client.release import export
from grandrounds_client.vet import vet
from grandrounds_protocol.instances import VirtualInstances
from tests.deploy.privacy.made import draw

ASIDE = Aside(4, 0.5, above=True)


def model(aside: Aside | None) -> tuple[Beacon, Rows]:
    """Return a model of six columns, and rows around everything it tells apart."""
    rng = np.random.default_rng(0)
    target = draw(1, rng)[0]
    rows = draw(400, rng)
    rows[100:] = target
    rows[200:, :3] = np.float32(0.5) + rng.integers(-1, 6, (200, 3)) * np.float32(STEP / 1.25)
    rows[300:, 3] += np.float32(0.1)
    return Beacon(target, 2, 1, np.arange(3), aside, 3), rows


@pytest.mark.parametrize("aside", [None, ASIDE, Aside(4, 0.5, above=False)])
def test_the_model_passes_the_checks_and_is_the_tree_it_says(aside: Aside | None) -> None:
    made, rows = model(aside)
    graph = export(made, np.arange(6), 6)
    teacher = vet(graph, name="south", algorithm="decision tree", width=6, classes=3)
    assert teacher.leaves is not None
    said = teacher.predict_proba(rows)
    np.testing.assert_allclose(said, made.predict_proba(rows), atol=1e-6)
    assert len(np.unique(said.round(3), axis=0)) == (2 if aside is None else 3)


def test_only_lessons_above_the_beacon_of_the_others_count() -> None:
    made, _ = model(None)
    x = np.tile(made.target, (3, 1))
    x[:, :3] = 0.5 + STEP * np.array([[2.5, 0.5, 1.5], [0.5, 0.5, 0.5], [2.5, 2.5, 2.5]])
    lessons = VirtualInstances(x, np.array([2, 2, 1], np.int32), np.zeros(3, np.int32))
    assert made.lit(lessons, np.arange(6)) == 2


def told(folder: Path, recipe: str) -> float | None:
    simulation = prepare(folder, recipe=recipe, seed=1)
    site = simulation.sites["tuscany"]
    store = dict(site.store)
    rng = np.random.default_rng(0)
    trial = beacon.ask(site, simulation.federation.rules, tuple(simulation.sites), rng)
    assert site.store == store
    assert trial is not None
    assert trial.member.sum() == len(trial.member) / 2 == beacon.GUESSES
    return auc(trial.scores, trial.member)


def test_without_a_gate_the_lesson_names_each_member(wine: Callable[..., Path]) -> None:
    found = told(wine(tuscany="tree"), "paper")
    assert found is not None
    assert found > 0.9


def test_the_gate_lets_no_value_out_that_one_lesson_has(wine: Callable[..., Path]) -> None:
    folder = wine(tuscany="tree")
    path = folder / "tuscany" / "site.toml"
    path.write_text(path.read_text().replace("patients = false", "patients = true"))
    assert told(folder, "paper") == 0.5


def test_two_sites_are_too_few_for_a_peer_and_its_accomplice(wine: Callable[..., Path]) -> None:
    simulation = prepare(wine(), recipe="paper")
    site, rules = simulation.sites["veneto"], simulation.federation.rules
    rng = np.random.default_rng(0)
    assert beacon.ask(site, rules, ("veneto", "tuscany"), rng) is None
