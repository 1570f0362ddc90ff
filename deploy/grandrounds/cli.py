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
    bench,
    coordinator,
    coordinator_run,
    coordinator_start,
    site,
    site_check,
    site_join,
    site_leave,
    site_model,
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

app.add_typer(bench.app, name="bench")
app.add_typer(authority.app, name="authority")
app.add_typer(coordinator.app, name="coordinator")
app.add_typer(site.app, name="site")
OF_SITE: tuple[Callable[..., None], ...] = (
    site_join.join,
    site_start.start,
    site_check.check,
    site_status.status,
    site_model.model,
    site_model.predict,
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
    if isinstance(error, OSError) and error.filename is not None:
        typer.echo(
            f"error: {error.strerror}: {error.filename}\n"
            "  remedy: see that it is there, that this user may read and write it, and that its "
            "disk has room",
            err=True,
        )
        return BadInput.exit_code
    typer.echo(
        f"error: this should not have happened ({type(error).__name__})\n"
        "  remedy: set GRANDROUNDS_TRACEBACK=1, run again and report what it prints",
        err=True,
    )
    return 1
