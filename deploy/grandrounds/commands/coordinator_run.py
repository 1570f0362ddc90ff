"""`grandrounds coordinator run, status, stop, report, metrics`: rounds between hospitals."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grandrounds.commands.coordinator import Folder
from grandrounds.coordinating.follow import LOOK, follow, is_driven, kept, newest, runs
from grandrounds.coordinating.metrics import server
from grandrounds.coordinating.order import (
    AWAY,
    DRIVER,
    ORDERING,
    RUNS,
    STATE,
    Order,
    make_order,
    plan_of,
    write_order,
)
from grandrounds.coordinating.view import view_of, went_without
from grandrounds.provision.coordinator_folder import Coordinator, open_coordinator
from grandrounds.running.lock import only_one
from grandrounds_protocol.errors import AlreadyRunning, BadInput, WorkFailed
from grandrounds_server.checkpoints import Checkpoints, Run
from grandrounds_server.database import Database
from grandrounds_server.journal import Line
from grandrounds_server.state import Plan

UNREACHABLE = 60.0
"""Seconds without a process that drives and without a word from Flower: then it is over."""
INTERRUPTED = 130
KILLED = "killed"
"""What a run that no process drives, and that did not say how it ended, is called."""

AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON document a line, and nothing else on stdout.")
]
RunName = Annotated[str | None, typer.Argument(metavar="[RUN]", help="The newest if left out.")]


def run(
    folder: Folder,
    rounds: Annotated[int | None, typer.Option(min=1, help="Number of rounds.")] = None,
    recipe: Annotated[str | None, typer.Option(help="As federation.toml says if left out.")] = None,
    engine: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Likewise.")] = None,
    name: Annotated[
        str | None, typer.Option("--run", metavar="NAME", help="The run's name; run-N if left out.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was killed or stopped.")
    ] = False,
    phase_timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds that a phase waits for answers.")
    ] = 3600.0,
    away_timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds that it waits for a site that is away.")
    ] = AWAY,
    as_json: AsJson = False,
) -> None:
    """Run rounds and follow them; ctrl-C leaves the run going."""
    coordinator = open_coordinator(folder)
    asked = {"rounds": rounds, "recipe": recipe, "engine": engine, "seed": seed}
    order = _resumed(coordinator, name, asked) if resume else _new(coordinator, name, asked)
    patience = {"phase_timeout": phase_timeout, "away_timeout": away_timeout}
    order = make_order(**{**order.model_dump(), **patience})
    plan = plan_of(coordinator, order)
    if resume:
        _check_same(coordinator, plan)
    try:
        with _ordering(coordinator):
            after = _last_line(coordinator.state, order.run)
            write_order(coordinator.state, order)
            gone = _submitted(folder)
            _await_driver(coordinator.state, gone)
        _tell(coordinator.state, order.run, after, gone, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo(
            f"\n{order.run} goes on. grandrounds coordinator status {folder} shows it, "
            f"grandrounds coordinator stop {folder} ends it",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None
    _say_end(folder, kept(coordinator.state, order.run).run, as_json=as_json)


def status(folder: Folder, as_json: AsJson = False) -> None:
    """Say which runs there are, and where the newest is."""
    from grandrounds.coordinating.screen import table  # noqa: PLC0415 (help answers at once)

    state = folder / STATE
    found = [(each, _state_of(state, each)) for each in runs(state)]
    if as_json:
        for each, how in found:
            said = {"run": each.name, "status": how, "reason": each.reason, "digest": each.digest}
            typer.echo(json.dumps(said))
        return
    for each, how in found:
        typer.echo(f"{each.name}: {how}" + (f", {each.reason}" if each.reason else ""))
    if not found:
        typer.echo(f"no run yet; next: grandrounds coordinator run {folder} --rounds N")
        return
    last, how = found[-1]
    _say_missed(_missed(state, last))
    if how != "done":
        known = kept(state, last.name)
        Console().print(table(view_of(line.event for line in known.lines), known.plan))
    if how != "running":
        typer.echo(_next(folder, last, how))


def stop(folder: Folder) -> None:
    """Let the run that is under way stop; --resume goes on with it later."""
    state = folder / STATE
    if not is_driven(state):
        raise BadInput(
            "no run is under way here",
            where=str(folder),
            remedy=f"grandrounds coordinator status {folder} shows what there is",
        )
    last = newest(state, None)
    with closing(Database(state)) as database:
        Checkpoints(database, state / DRIVER).ask_to_stop(last.name)
    typer.echo(f"{last.name} stops at its next look; sites finish what they are at")
    typer.echo(f"next: grandrounds coordinator run {folder} --resume goes on with it")


def report(
    folder: Folder,
    name: RunName = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.json and report.html.")
    ] = None,
) -> None:
    """Write what a run came to, as far as it has come."""
    from grandrounds.coordinating.results import write_outcome  # noqa: PLC0415

    coordinator = open_coordinator(folder)
    state = coordinator.state
    found = newest(state, name)
    with closing(Database(state, look=True)) as database:
        progress = Checkpoints(database, state / DRIVER).progress(found.name)
    reason = "" if found.status == "done" else found.reason or "it has not ended yet"
    target = state / RUNS / found.name if out is None else out
    page = write_outcome(target, coordinator.federation, progress.finished(reason))
    typer.echo(f"results: {target / 'results.json'}\nreport:  {page}")


def metrics(
    folder: Folder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to answer.")] = 9464,
    host: Annotated[
        str, typer.Option(help="A private address: nobody is asked who they are.")
    ] = "127.0.0.1",
) -> None:
    """Answer Prometheus at /metrics, until told to end."""
    try:
        serving = server(folder / STATE, host, port)
    except OSError as error:
        raise BadInput(
            f"cannot answer there: {error.strerror}",
            where=f"{host}:{port}",
            remedy="give --port or --host another value",
        ) from None
    with serving:
        typer.echo(f"http://{host}:{serving.server_address[1]}/metrics")
        serving.serve_forever()


def _new(coordinator: Coordinator, name: str | None, asked: Mapping[str, object]) -> Order:
    if asked["rounds"] is None:
        raise BadInput("how many rounds?", where="option --rounds", remedy="give --rounds N")
    known = {each.name for each in runs(coordinator.state)}
    free = next(free for at in range(1, len(known) + 2) if (free := f"run-{at}") not in known)
    if name in known:
        raise BadInput(
            f"there is a run {name!r} already",
            where="option --run",
            remedy="--resume goes on with it, --run names another",
        )
    return make_order(run=free if name is None else name, **asked)


def _resumed(coordinator: Coordinator, name: str | None, asked: Mapping[str, object]) -> Order:
    """Order a run as it was begun; what was typed besides must be the same."""
    found = newest(coordinator.state, name)
    if found.status == "done":
        raise BadInput(
            f"run {found.name!r} is done",
            where="option --resume",
            remedy=f"grandrounds coordinator report {coordinator.folder} {found.name} shows it",
        )
    rules = kept(coordinator.state, found.name).plan.rules
    begun = {rule: getattr(rules, rule) for rule in asked}
    for rule, value in asked.items():
        if value not in {None, begun[rule]}:
            raise BadInput(
                f"run {found.name!r} was begun with {rule} {begun[rule]}",
                where=f"option --{rule}",
                remedy="leave it out, or begin another run",
            )
    return make_order(run=found.name, resume=True, **begun)


def _check_same(coordinator: Coordinator, plan: Plan) -> None:
    """Say now what the process that drives would find: it has nobody to tell."""
    with closing(Database(coordinator.state, look=True)) as database:
        Checkpoints(database, coordinator.state / DRIVER).check_same(plan)


@contextmanager
def _ordering(coordinator: Coordinator) -> Iterator[None]:
    """Be the only one that orders a run here: a second order would replace one not yet read.

    Raises
    ------
    AlreadyRunning
        If a run is under way, or about to begin.
    """
    if not is_driven(coordinator.state):
        with suppress(AlreadyRunning), only_one(coordinator.state / ORDERING):
            yield
            return
    raise AlreadyRunning(
        "a run is under way here",
        where=str(coordinator.folder),
        remedy=f"grandrounds coordinator status {coordinator.folder} shows it",
    )


def _last_line(state: Path, name: str) -> int:
    if name not in {each.name for each in runs(state)}:
        return 0
    return max((line.number for line in kept(state, name).lines), default=0)


def _submitted(folder: Path) -> Callable[[], bool]:
    """Hand the order to Flower; return what says whether nobody is at work on it any more."""
    control = import_module("grandrounds.running.control")  # heavy, and only here: Flower
    number = control.submit(folder)
    since: list[float] = []

    def gone() -> bool:
        if is_driven(folder / STATE):
            since.clear()
            return False
        since.append(time.monotonic())
        try:
            return control.ended(folder, number) is not None
        except WorkFailed:
            return since[-1] - since[0] > UNREACHABLE

    return gone


def _await_driver(state: Path, gone: Callable[[], bool]) -> None:
    """Wait until a process drives the run, and so has read the order, or none will."""
    while not is_driven(state) and not gone():
        time.sleep(LOOK)


def _tell(state: Path, name: str, after: int, gone: Callable[[], bool], *, as_json: bool) -> None:
    if as_json:
        for line in follow(state, name, after, gone):
            typer.echo(_document(name, line))
        return
    from grandrounds.coordinating.screen import live  # noqa: PLC0415 (help answers at once)

    with live(Console(stderr=True), lambda: kept(state, name).plan) as show:
        for line in follow(state, name, after, gone):
            show(line)


def _document(name: str, line: Line) -> str:
    fields = line.event.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"number": line.number, "run": name, "what": line.event.what, **fields})


def _say_end(folder: Path, ended: Run, *, as_json: bool) -> None:
    state = folder / STATE
    how = _state_of(state, ended)
    missed = _missed(state, ended)
    if ended.digest:
        target = state / RUNS / ended.name
        said = {"results": str(target / "results.json"), "report": str(target / "report.html")}
        if as_json:
            last = {"run": ended.name, "digest": ended.digest, "went_without": missed, **said}
            typer.echo(json.dumps(last))
        else:
            _say_missed(missed)
            typer.echo("\n".join(f"{what}: {path}" for what, path in said.items()))
            typer.echo(f"digest: {ended.digest}")
    if how != "done":
        raise WorkFailed(
            f"{ended.name}: {how}" + (f", {ended.reason}" if ended.reason else ""),
            where=str(state),
            remedy=_next(folder, ended, how).removeprefix("next: "),
        )


def _missed(state: Path, found: Run) -> dict[str, list[str]]:
    return went_without(line.event for line in kept(state, found.name).lines)


def _say_missed(missed: Mapping[str, Sequence[str]]) -> None:
    """Name the hospitals that a run went on without: it is done all the same."""
    for site, codes in missed.items():
        typer.echo(f"went on without {site} in at least one phase ({', '.join(codes)})")


def _state_of(state: Path, found: Run) -> str:
    """Say how a run stands; one that is under way by its own words may have been killed."""
    return KILLED if found.status == "running" and not is_driven(state) else found.status


def _next(folder: Path, found: Run, how: str) -> str:
    if how == "done":
        return f"next: grandrounds coordinator report {folder} {found.name}"
    resume = f"grandrounds coordinator run {folder} --run {found.name} --resume goes on with it"
    if how == "stopped" and found.digest:
        # by itself, below min_sites: what sites refuse by their own rules no resume can cure
        return f"next: where they can answer again, {resume}; or begin a run by other rules"
    return f"next: {resume}"
