"""A whole federation on one machine: the same apps as between hospitals."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from flwr.app import Context, RecordDict

from grandrounds.evaluation import on_all_held_out
from grandrounds.exact_counts import gate_of, with_exact_counts
from grandrounds.folder import FederationFolder, read_folder
from grandrounds.in_process import InProcessGrid, LocalGrid
from grandrounds.privacy import of_run, of_site
from grandrounds.results import Comparison, Privacy, Results, SiteResult, versions
from grandrounds.site_on_disk import SiteOnDisk, on_disk
from grandrounds.threads import one_thread
from grandrounds.throwaway import Throwaway
from grandrounds_client.app import client_app
from grandrounds_client.counterfactuals import ENGINES
from grandrounds_client.plugins import load
from grandrounds_client.private import check_private, drowned
from grandrounds_client.recipes import find_recipe, works_on_drawn_seeds
from grandrounds_client.site import Site, open_site, split_rows
from grandrounds_protocol.errors import BadInput, WorkFailed
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.settings import check_settings
from grandrounds_server.app import server_app
from grandrounds_server.asking import Meter, unmetered
from grandrounds_server.office import Office
from grandrounds_server.outcome import SiteOutcome, engines, site_outcomes, taught
from grandrounds_server.rounds import Finished, Watch
from grandrounds_server.state import Plan


@dataclass(frozen=True)
class Simulation:
    """A federation with all its sites opened, ready to run."""

    federation: Federation
    sites: dict[str, Site]
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Where each site's `site.toml` and data lie, for a backend whose sites run elsewhere."""

    @property
    def run_name(self) -> str:
        """Name of the run; the seed makes it the same run."""
        return f"simulation-{self.federation.rules.seed}"

    @cached_property
    def keys(self) -> Throwaway:
        """Everybody's keys, for this simulation only."""
        return Throwaway.of(self.federation.name, self.sites)

    def on_disk(self, homes: Path) -> tuple[SiteOnDisk, ...]:
        """Return the sites as another process opens them, with homes of their own there."""
        places = ((site.settings, self.folders[name]) for name, site in self.sites.items())
        return on_disk(places, self.federation, homes, self.keys)


Backend = Callable[[Simulation, Plan, Watch], Finished]
"""Runs a plan's rounds; each site's store holds afterwards what the site kept."""


def prepare(
    folder: Path,
    *,
    recipe: str | None = None,
    engine: str | None = None,
    rounds: int | None = None,
    seed: int | None = None,
) -> Simulation:
    """Read a federation's folder and open every site; options go before `[rules]`.

    Raises
    ------
    BadInput
        For anything that cannot be used, before any work starts.
    BudgetSpent
        If a release costs more than a site's whole budget.
    """
    read = read_folder(folder)
    federation = _with_rules(read, recipe=recipe, engine=engine, rounds=rounds, seed=seed)
    check_known(federation.rules)
    sites = {
        site.settings.name: open_site(site.settings, site.folder, federation, {}, simulated=True)
        for site in read.sites
    }
    check_drawn(sites)
    folders = {site.settings.name: site.folder for site in read.sites}
    return Simulation(federation, sites, folders)


def check_known(rules: Rules, recipes: Container[str] = (), engines: Container[str] = ()) -> None:
    """Refuse a recipe or engine that is neither registered nor among those passed in.

    Raises
    ------
    BadInput
        Listing the known ones.
    """
    if rules.recipe not in recipes:
        load("grandrounds.recipes", rules.recipe, "rules, field recipe (or --recipe)")
    if rules.engine not in {"auto", *ENGINES} and rules.engine not in engines:
        raise BadInput(
            f"unknown engine {rules.engine!r}",
            where="rules, field engine (or --engine)",
            remedy=f"one of: auto, {', '.join(sorted(ENGINES))}",
        )


def check_drawn(sites: Mapping[str, Site]) -> None:
    """Refuse a recipe on drawn seeds where a site cannot, or may not, draw any.

    Raises
    ------
    BadInput, BudgetSpent
        As `grandrounds_client.private.check_private`.
    """
    for site in sites.values():
        if _draws(site):
            check_private(site, site.federation.rules)


def drowned_sites(simulation: Simulation) -> Iterator[str]:
    """Say of each site whose noisy release tells hardly anything that it is so."""
    rules = simulation.federation.rules
    for site in simulation.sites.values():
        if _draws(site):
            yield drowned(site, len(split_rows(site, rules).train), rules.privacy_epsilon)


def _draws(site: Site) -> bool:
    """Whether the run's recipe draws seeds there."""
    name = site.federation.rules.recipe
    return works_on_drawn_seeds(site.recipes.get(name) or find_recipe(name, "rules, field recipe"))


def _with_rules(read: FederationFolder, **given: str | int | None) -> Federation:
    chosen = {name: value for name, value in given.items() if value is not None}
    rules = {**read.federation.rules.model_dump(), **chosen}
    remedy = "give " + " and ".join(f"--{name} another value" for name in chosen)
    checked = check_settings(Rules, rules, "command line", remedy)
    return read.federation.model_copy(update={"rules": checked})


def simulate(
    simulation: Simulation, watch: Watch, backend: str = "in-process", jobs: int = 1
) -> Results:
    """Run all rounds and compare; deterministic but for `seconds` and the heads of ledgers.

    Raises
    ------
    BadInput, WorkFailed
        As `run`.
    """
    return compare(simulation, run(simulation, watch, backend, jobs))


def run(
    simulation: Simulation, watch: Watch, backend: str = "in-process", jobs: int = 1
) -> Finished:
    """Run all rounds; what the sites keep is then in their stores.

    The results are the same for every backend and number of jobs.

    Parameters
    ----------
    simulation : Simulation
    watch : Watch
    backend : str
        `in-process` or `flower`.
    jobs : int
        Processes that the sites of `in-process` share; with 1, they work in this one.

    Raises
    ------
    BadInput
        If the backend cannot be had, or has no jobs.
    WorkFailed
        If the run came to no end at all.
    """
    federation = simulation.federation
    plan = Plan(
        run=simulation.run_name,
        sites=tuple(simulation.sites),
        schema_digest=federation.digest(),
        rules=federation.rules,
        roster=simulation.keys.roster,
    )
    with one_thread():
        finished = _backend(backend, jobs)(simulation, plan, watch)
    stores = {name: site.store for name, site in simulation.sites.items()}
    return with_exact_counts(finished, stores)


def compare(simulation: Simulation, finished: Finished) -> Results:
    """Say what a finished run came to, on the held-out rows too."""
    federation = simulation.federation
    pooled = on_all_held_out(simulation.sites, simulation.run_name, federation.rules)
    outcomes = site_outcomes(finished)
    with one_thread():
        privacy = {
            name: of_site(site, simulation.run_name, federation.rules)
            for name, site in simulation.sites.items()
        }
    return Results(
        federation=federation.name,
        recipe=federation.rules.recipe,
        engine=federation.rules.engine,
        seed=federation.rules.seed,
        rounds=federation.rules.rounds,
        versions=versions(),
        sites={
            name: _site_result(simulation, name, outcomes[name], pooled[name], privacy[name])
            for name, site in simulation.sites.items()
        },
        taught=taught(finished),
        engines=engines(finished),
        privacy=of_run(privacy),
        seconds=dict(finished.seconds),
        stopped=finished.stopped,
    )


def _backend(name: str, jobs: int) -> Backend:
    if name == "flower" and jobs > 1:
        raise BadInput(
            "Flower's engine decides itself how many sites work at a time",
            where="option --jobs",
            remedy="leave --jobs out, or use --backend in-process",
        )
    if name == "flower":
        from grandrounds.flower_backend import on_flower  # noqa: PLC0415 (an extra, and slow)

        return on_flower
    if jobs > 1:
        from grandrounds.workers import on_workers  # noqa: PLC0415 (it knows this module)

        return partial(on_workers, jobs=jobs)
    return _in_process


def _in_process(simulation: Simulation, plan: Plan, watch: Watch) -> Finished:
    grid = InProcessGrid(client_app(_find_site(simulation)), simulation.sites)
    return run_on(grid, plan, simulation.keys.office, watch)


def run_on(
    grid: LocalGrid, plan: Plan, office: Office, watch: Watch, meter: Meter = unmetered
) -> Finished:
    """Run a plan's rounds on a grid of this machine.

    Raises
    ------
    WorkFailed
        If the run came to no end at all.
    """
    ended: list[Finished] = []
    app = server_app(
        plan,
        office=office,
        find_nodes=lambda _: grid.nodes,
        watch=watch,
        done=ended.append,
        meter=meter,
    )
    app(grid=grid, context=Context(1, 1, {}, RecordDict(), {}))
    if not ended:
        raise WorkFailed("the run came to no end")
    return ended[0]


def _find_site(simulation: Simulation) -> Callable[[Context], Site]:
    sites = {
        name: replace(site, identity=simulation.keys.identity(name))
        for name, site in simulation.sites.items()
    }
    return lambda context: sites[str(context.node_config["site"])]


def _site_result(
    simulation: Simulation,
    name: str,
    outcome: SiteOutcome,
    pooled: Comparison,
    privacy: Privacy,
) -> SiteResult:
    site, adopt = simulation.sites[name], outcome.adopt
    own = Comparison()
    if adopt is not None:
        own = Comparison(before=adopt.before, after=adopt.after, ensemble=adopt.ensemble)
    return SiteResult(
        learner=site.settings.learner_name,
        rows=len(site.rows.y),
        own=own,
        federation=pooled,
        received=outcome.received,
        adopted=adopt.virtual_rows if adopt is not None else 0,
        verdict=adopt.reason if adopt is not None else "",
        quarantined=outcome.quarantined,
        reason=outcome.reason,
        patients=site.settings.patients,
        gate=gate_of(site.store, simulation.run_name, simulation.federation.rules.rounds),
        privacy=privacy,
        ledger=outcome.ledger,
    )
