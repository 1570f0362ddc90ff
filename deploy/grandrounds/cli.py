"""The command `grandrounds`. Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 refused."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

# Flower calls home unless told not to, and reads these when it is imported
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")

import click
import typer
from rich.console import Console

from grandrounds import __version__
from grandrounds.commands import (
    authority,
    coordinator,
    coordinator_run,
    coordinator_start,
    site,
    site_check,
    site_join,
    site_leave,
    site_start,
    site_status,
)
from grandrounds_protocol.errors import BadInput, GrandRoundsError, TooFewSites

app = typer.Typer(
    name="grandrounds",
    help="Hospitals teach each other's models; no patient row leaves the house.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

bench = typer.Typer(
    help="Measure on this machine what the documentation claims.", no_args_is_help=True
)
app.add_typer(bench, name="bench")
app.add_typer(authority.app, name="authority")
app.add_typer(coordinator.app, name="coordinator")
app.add_typer(site.app, name="site")
OF_SITE: tuple[Callable[..., None], ...] = (
    site_join.join,
    site_start.start,
    site_check.check,
    site_status.status,
    site_leave.leave,
)
OF_COORDINATOR: tuple[Callable[..., None], ...] = (
    coordinator_start.start,
    coordinator_start.accept,
    coordinator_run.run,
    coordinator_run.status,
    coordinator_run.stop,
    coordinator_run.report,
    coordinator_run.metrics,
)
for command in OF_SITE:
    site.app.command()(command)
for command in OF_COORDINATOR:
    coordinator.app.command()(command)

ABORTED = 130


class Backend(StrEnum):
    """Where the sites of a simulation run."""

    IN_PROCESS = "in-process"
    FLOWER = "flower"


class Projection(StrEnum):
    """How a site's private map lays its rows out."""

    PCA = "pca"
    TSNE = "tsne"


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Hospitals teach each other's models; no patient row leaves the house."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Holds federation.toml and NAME/site.toml.")],
    recipe: Annotated[
        str | None, typer.Option(help="Which lessons: paper, guarded or private.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="How rows are written: auto, or an engine's name.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Number of rounds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same results.")] = None,
    backend: Annotated[Backend, typer.Option(help="Where the sites run.")] = Backend.IN_PROCESS,
    jobs: Annotated[
        int, typer.Option(min=1, help="Processes that the sites share; same results.")
    ] = 1,
    out: Annotated[Path, typer.Option(help="Folder for results and reports.")] = Path("out"),
    projection: Annotated[
        Projection, typer.Option("--map", help="How each site's private map is drawn.")
    ] = Projection.PCA,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print results.json and nothing else on stdout.")
    ] = False,
) -> None:
    """Run a federation of many sites on this machine and compare what each gained."""
    # heavy imports only where work begins, so that help and usage errors answer at once
    from grandrounds.report.write import write_reports
    from grandrounds.results import make_folder
    from grandrounds.simulate import compare, drowned_sites, prepare, run
    from grandrounds.terminal import progress, show, show_clipped

    notes = Console(stderr=True)
    simulation = prepare(folder, recipe=recipe, engine=engine, rounds=rounds, seed=seed)
    make_folder(out)
    for opened in simulation.sites.values():
        show_clipped(notes, opened)
    for line in filter(None, drowned_sites(simulation)):
        notes.print(line)
    with progress(notes, simulation.federation.rules.rounds) as watch:
        finished = run(simulation, watch, backend, jobs)
        results = compare(simulation, finished)
    path = results.write(out)
    report = write_reports(out, simulation, finished, results, projection.value)
    if as_json:
        typer.echo(results.to_json(), nl=False)
    else:
        show(Console(), results)
        typer.echo(f"results: {path}")
        typer.echo(f"report:  {report}")
    if results.stopped:
        raise TooFewSites(results.stopped, where=str(path), remedy="see each site's reason there")


@bench.command("engines")
def bench_engines(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Four times the pairs, or more.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This workload; may be repeated.")
    ] = None,
) -> None:
    """Time every engine against the published loops, on the same work and one thread."""
    from grandrounds.bench.engines import FULL, USUAL, run
    from grandrounds.bench.table import show

    notes = Console(stderr=True)
    report = run(only or [], FULL if full else USUAL, notes.print)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        show(Console(), report)


@bench.command("scale")
def bench_scale(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Two rounds instead of one, covers of three radii.")
    ] = False,
    sites: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="A federation of N sites; may be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This section; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the plots.")] = None,
) -> None:
    """Measure rounds of many sites, and one site's work on many rows."""
    from grandrounds.bench.scale import Size, run, show
    from grandrounds.results import make_folder

    notes = Console(stderr=True)
    if out is not None:
        make_folder(out)
    size = Size(
        sites=tuple(sites) if sites else Size.sites,
        rounds=2 if full else 1,
        radii=(1.0, 2.0, 4.0) if full else Size.radii,
    )
    report = run(only or [], size, notes.print)
    paths = report.write_plots(out) if out is not None else []
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        show(Console(), report)
    for path in paths:
        notes.print(f"plot: {path}")


@bench.command("envelope")
def bench_envelope(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
    megabytes: Annotated[
        int, typer.Option("--mb", min=1, max=1024, metavar="N", help="Size of the payload.")
    ] = 100,
) -> None:
    """Seal and open a payload for 1, 20 and 1,000 recipients, beside bare HPKE."""
    from grandrounds.bench.envelope import run, show

    notes = Console(stderr=True)
    report = run(megabytes * 1_000_000, notes.print)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        show(Console(), report)


@bench.command("deployment")
def bench_deployment(
    folder: Annotated[
        Path | None, typer.Argument(help="A federation; the heart example where left out.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="How lessons are made.")] = "guarded",
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="Runs of each.")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
) -> None:
    """Run rounds between real processes on this machine, and the same ones in one process."""
    from grandrounds.bench.deployment import run, show
    from grandrounds.bench.rows import HEART

    notes = Console(stderr=True)
    report = run(folder or HEART, recipe, rounds, repeats, notes.print)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        show(Console(), report)


@bench.command("leakage")
def bench_leakage(
    folder: Annotated[
        Path | None, typer.Argument(help="A federation; the heart example where left out.")
    ] = None,
    recipe: Annotated[list[str] | None, typer.Option(help="This recipe; may be repeated.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Attack N runs of each recipe.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="20 runs attacked instead of 5, 40 shadow runs.")
    ] = False,
) -> None:
    """Attack what leaves the sites, to measure what it tells of who was trained on."""
    from grandrounds.bench.leakage.run import FULL, RECIPES, USUAL, measure
    from grandrounds.bench.leakage.table import show
    from grandrounds.bench.rows import HEART

    notes = Console(stderr=True)
    size = (FULL if full else USUAL).attacking(seeds)
    report = measure(folder or HEART, recipe or RECIPES, size, notes.print)
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        show(Console(), report)


@bench.command("learning")
def bench_learning(
    folder: Annotated[Path, typer.Argument(help="Holds federation.toml and NAME/site.toml.")],
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many splits.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, metavar="S", help="The first of them.")] = 0,
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="This recipe and its controls; may be repeated. Then no other one."),
    ] = None,
    rival: Annotated[
        list[str] | None, typer.Option(help="This rival; may be repeated. Then no other one.")
    ] = None,
    learner: Annotated[
        str | None, typer.Option(help="The same at every site; as site.toml says if left out.")
    ] = None,
    balanced: Annotated[
        bool | None,
        typer.Option(
            "--balanced/--unbalanced", help="Whether classes weigh alike; as site.toml says."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; same figures.")] = 1,
    out: Annotated[
        Path, typer.Option(help="Folder for finished trials, which are kept, and the plot.")
    ] = Path("out"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
) -> None:
    """Compare recipes with their rivals on every site, over many splits of the rows."""
    from grandrounds.bench.learning.contestants import chosen
    from grandrounds.bench.learning.plot import draw
    from grandrounds.bench.learning.report import report_of
    from grandrounds.bench.learning.run import Options, measure
    from grandrounds.bench.learning.table import progress, show

    notes = Console(stderr=True)
    contestants = chosen(recipe or (), rival or ())
    options = Options(range(first_seed, first_seed + seeds), learner, balanced, rounds)
    with progress(notes) as note:
        measured = measure(folder, contestants, options, out=out, jobs=jobs, note=note)
    report = report_of(measured, contestants, options)
    plot = measured.path.with_suffix(".svg")
    plot.write_text(draw(report), encoding="utf-8")
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        show(Console(), report)
    notes.print(f"trials: {measured.path}\nplot:   {plot}", soft_wrap=True)


@bench.command("gate")
def bench_gate(
    folder: Annotated[
        Path | None, typer.Argument(help="A federation; the heart example where left out.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="Whose lessons.")] = "guarded",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Runs.")] = 20,
) -> None:
    """Measure what the release gate holds back, and what it costs in learning."""
    from grandrounds.bench.gating import run, show
    from grandrounds.bench.rows import HEART

    notes = Console(stderr=True)
    measured, costs = run(folder or HEART, recipe, seeds, notes.print)
    show(Console(), recipe, measured, costs)


def main() -> None:
    """Run the command and turn whatever happens into a message and an exit code."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run_command(sys.argv[1:]))


def _stop(_number: int, _frame: object) -> None:
    # as ctrl-C: processes end and temporary folders go on the way out
    raise KeyboardInterrupt


def run_command(arguments: list[str]) -> int:
    """Run with these arguments; return the exit code."""
    try:
        code = app(arguments, standalone_mode=False)
    except GrandRoundsError as error:
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        typer.echo("stopped", err=True)
        return ABORTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        if os.environ.get("GRANDROUNDS_TRACEBACK"):
            raise
        return _explain(error)
    return code if isinstance(code, int) else 0


def _explain(error: Exception) -> int:
    """Say what nobody foresaw; return the exit code."""
    if isinstance(error, ModuleNotFoundError):
        typer.echo(
            f"error: {error.name} is not installed here\n"
            "  remedy: the coordinator's image holds nothing to train or run models with;\n"
            "    type this in the site's, or install grandrounds with all it depends on",
            err=True,
        )
        return BadInput.exit_code
    typer.echo(
        f"error: this should not have happened ({type(error).__name__})\n"
        "  remedy: set GRANDROUNDS_TRACEBACK=1, run again and report what it prints",
        err=True,
    )
    return 1
