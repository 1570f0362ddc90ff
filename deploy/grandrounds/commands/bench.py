"""Measure what the documentation claims: `grandrounds bench ...`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Measure on this machine what the documentation claims.", no_args_is_help=True
)


@app.command("engines")
def engines(
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


@app.command("scale")
def scale(
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


@app.command("envelope")
def envelope(
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


@app.command("deployment")
def deployment(
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


@app.command("leakage")
def leakage(
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


@app.command("learning")
def learning(
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


@app.command("gate")
def gate(
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
