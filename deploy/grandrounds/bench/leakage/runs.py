"""Runs of the federation, and what an attacker sees of each site in one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grandrounds.bench.leakage.canaries import Canaries, plant
from grandrounds.bench.leakage.features import Features, of_models, of_rows
from grandrounds.privacy import departed
from grandrounds.privacy.nearness import Nearness, nearness
from grandrounds.privacy.parts import Membership, membership
from grandrounds.simulate import Simulation, prepare, run
from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.seeding import generator


@dataclass(frozen=True)
class Seen:
    """What left one site, beside some rows.

    Attributes
    ----------
    rows : float64 [N, F] or None
        How each row stands to the released rows; None where none was released.
    models : float64 [N, G] or None
        What the site's models say of it; None where the site never published.
    """

    rows: Features | None
    models: Features | None


@dataclass(frozen=True)
class Observed:
    """One site in one run: all rows of its file, and what became of them."""

    seen: Seen
    parts: Membership
    nearness: Nearness


def finished(folder: Path, recipe: str, seed: int) -> Simulation:
    """Run a federation's folder to its end."""
    simulation = prepare(folder, recipe=recipe, seed=seed)
    run(simulation, lambda *_: None)
    return simulation


def planted(folder: Path, recipe: str, seed: int) -> tuple[Simulation, Mapping[str, Canaries]]:
    """Run it with canaries in every site's file."""
    simulation = prepare(folder, recipe=recipe, seed=seed)
    rules = simulation.federation.rules
    both = {
        name: plant(site, rules, generator(seed, name, "canaries"))
        for name, site in simulation.sites.items()
    }
    simulation = replace(simulation, sites={name: site for name, (site, _) in both.items()})
    run(simulation, lambda *_: None)
    return simulation, {name: canaries for name, (_, canaries) in both.items()}


def observe(simulation: Simulation, name: str) -> Observed:
    """Look at one site of a finished run, as an attacker does and as its owner can."""
    site, rules = simulation.sites[name], simulation.federation.rules
    released = departed.rows(site, simulation.run_name)
    return Observed(
        see(site, simulation.run_name, site.rows.x, site.rows.y),
        membership(site, rules),
        nearness(site, split_rows(site, rules), released),
    )


def see(site: Site, run_name: str, x: Rows, y: Labels) -> Seen:
    """Set rows beside what a site released in a run.

    Parameters
    ----------
    site : Site
    run_name : str
    x : float32 [n, D]
    y : int32 [n]
    """
    released = departed.rows(site, run_name)
    models = departed.models(site, run_name)
    return Seen(
        of_rows(site, x, y, released) if len(released) else None,
        of_models(site, x, y, models) if models else None,
    )
