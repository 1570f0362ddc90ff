"""The bench plays as the product does: same models, lessons, candidates and verdicts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grandrounds.bench.learning.contestants import chosen
from grandrounds.bench.learning.protocols import EVERYBODY
from grandrounds.bench.learning.recipes import Recipe
from grandrounds.bench.learning.run import Options, open_sites
from grandrounds.bench.learning.trial import Bench, trial
from grandrounds.bench.learning.world import World, member
from grandrounds.simulate import Simulation, prepare, simulate
from grandrounds_client import state as kept
from grandrounds_client.site import split_rows
from grandrounds_client.state import State
from grandrounds_protocol.instances import Bounds

Folder = Callable[..., Path]
RULES = "review_min_rows = 1\nmin_rows = 3\nquota = 40"


def of_patients(folder: Path) -> Path:
    """Say of every site's rows that they are patients': gates stand, and leaves are merged."""
    for path in folder.glob("*/site.toml"):
        own = "patients = true\nprivacy = { min_rows = 3 }"
        path.write_text(path.read_text().replace("patients = false", own))
    return folder


def as_in_the_bench(folder: Path, seed: int) -> World:
    simulation = prepare(folder, seed=seed, rounds=1)
    rules = simulation.federation.rules
    sites = open_sites(folder, Options(range(1)))
    return World(
        {name: member(site, split_rows(site, rules), rules) for name, site in sites.items()}, rules
    )


def learned(simulation: Simulation, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Virtual rows that a student's candidate learned from in the product."""
    site = simulation.sites[name]
    bounds = Bounds(site.layout.width, site.classes, len(simulation.sites))
    state = State(site.store, simulation.run_name)
    rows = state.instances(kept.candidate_virtual(1), bounds)
    return rows.x, rows.y


@pytest.mark.parametrize(("recipe", "seed"), [("paper", 1), ("guarded", 6)])
def test_one_round_is_that_of_the_product(wine: Folder, recipe: str, seed: int) -> None:
    folder = of_patients(wine(RULES, tuscany="tree", veneto="naive-bayes"))
    simulation = prepare(folder, recipe=recipe, seed=seed, rounds=1)
    results = simulate(simulation, lambda *_: None)
    assert all(not site.quarantined for site in results.sites.values())  # the bench has none
    world = as_in_the_bench(folder, seed)
    lessons = Recipe(recipe)(world, np.random.default_rng(0))
    for name, rows in lessons.items():
        x, y = learned(simulation, name)
        assert len(rows)
        assert np.array_equal(rows.x, x)
        assert np.array_equal(rows.y, y)
    bench = Bench(open_sites(folder, Options(range(1))), world.rules, chosen([recipe], []))
    found = trial(bench, seed, EVERYBODY)
    played = found.contestants[recipe]
    assert played is not None
    assert played.adopted is not None
    for name, site in results.sites.items():
        assert found.base[f"own/{name}/{name}"] == site.own.before
        assert found.base[f"all/all/{name}"] == site.federation.before
        assert played.adopted[f"own/{name}/{name}"] == site.own.after
        assert played.adopted[f"all/all/{name}"] == site.federation.after
    assert set(played.adopters) == {name for name, site in results.sites.items() if site.adopted}


def test_two_rounds_are_those_of_the_product(wine: Folder) -> None:
    folder = of_patients(wine("review_min_rows = 1\nmin_rows = 3", tuscany="mlp", veneto="tree"))
    results = simulate(prepare(folder, recipe="paper", seed=2, rounds=2), lambda *_: None)
    assert all(not site.quarantined for site in results.sites.values())
    assert all(site.adopted for site in results.sites.values())
    sites = open_sites(folder, Options(range(1)))
    rules = prepare(folder, rounds=2).federation.rules
    played = trial(Bench(sites, rules, chosen(["paper"], [])), 2, EVERYBODY).contestants["paper"]
    assert played is not None
    assert played.adopted is not None
    for name, site in results.sites.items():
        assert played.adopted[f"own/{name}/{name}"] == site.own.after
        assert played.adopted[f"all/all/{name}"] == site.federation.after
