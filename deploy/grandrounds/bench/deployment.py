"""`grandrounds bench deployment`: the same round between real processes, and in one."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console

from grandrounds.bench.deployment_stack import HUB, Deployed, deployed
from grandrounds.bench.setting import cpu
from grandrounds.bench.table import digits
from grandrounds.coordinating.order import RUNS, make_order, plan_of
from grandrounds.coordinating.results import RunResults
from grandrounds.in_process import InProcessGrid
from grandrounds.provision.coordinator_folder import open_coordinator
from grandrounds.provision.identity import open_identity
from grandrounds.provision.site_folder import open_site_folder
from grandrounds.results import versions
from grandrounds.simulate import run_on
from grandrounds.tables import titled
from grandrounds.threads import one_thread
from grandrounds_client.app import client_app
from grandrounds_client.site import Site, open_site
from grandrounds_protocol.records import PHASES
from grandrounds_server.outcome import result_digest
from grandrounds_server.rounds import Finished

Note = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """A phase of all rounds of a run.

    Attributes
    ----------
    phase : str
    alone, deployed : tuple of float
        Seconds in one process, and between processes; one for each run.
    answer : float
        Seconds from a question to its answer, the median over sites and runs.
    sent, received : int
        Bytes of all messages, out and in, of the last run.
    """

    phase: str
    alone: tuple[float, ...]
    deployed: tuple[float, ...]
    answer: float
    sent: int
    received: int


@dataclass(frozen=True)
class Report:
    """All that was measured, and whether both came to the same."""

    cpu: str
    versions: dict[str, str]
    seed: int
    recipe: str
    rounds: int
    digests: dict[str, tuple[str, ...]]
    rows: tuple[Row, ...]

    @property
    def same(self) -> bool:
        """Whether every run came to the same."""
        return len({digest for each in self.digests.values() for digest in each}) == 1

    def to_json(self) -> str:
        """Write it as one JSON document."""
        return json.dumps({**asdict(self), "same": self.same}, indent=2) + "\n"


def run(folder: Path, recipe: str, rounds: int, repeats: int, note: Note) -> Report:
    """Deploy a federation on this machine, run it a few times, and as often in this process.

    Parameters
    ----------
    folder : Path
        Holds federation.toml and NAME/site.toml.
    recipe : str
    rounds, repeats : int
    note : callable
        Told what happens.

    Raises
    ------
    BadInput
        If the federation cannot be used.
    WorkFailed
        If somebody does not start, or a run fails.
    """
    with TemporaryDirectory(prefix="grandrounds-") as place:
        note("a coordinator and its sites are enrolled and started")
        with deployed(folder, Path(place) / "federation", recipe) as stack:
            names = [f"run-{number}" for number in range(repeats)]
            told = {name: _between(stack, name, recipe, rounds, note) for name in names}
        results = [_results(stack, name) for name in names]
        alone = []
        for _ in names:
            note("the same in one process")
            alone.append(_in_one(stack, recipe, rounds))
    here = [{str(phase): took for phase, took in each.seconds.items()} for each in alone]
    between = [each.seconds for each in results]
    rows = [_row(phase, here, between, [*told.values()]) for phase in PHASES]
    digests = {
        "in one process": tuple(result_digest(each) for each in alone),
        "between processes": tuple(each.digest for each in results),
    }
    seed = alone[0].plan.rules.seed
    return Report(cpu(), versions(), seed, recipe, rounds, digests, tuple(rows))


Told = Sequence[Mapping[str, object]]
"""A run's journal."""


def _between(stack: Deployed, name: str, recipe: str, rounds: int, note: Note) -> Told:
    note(f"{name}: {rounds} round(s) between processes")
    how = ("--rounds", str(rounds), "--recipe", recipe, "--run", name, "--json")
    said = stack.call("coordinator", "run", HUB, *how)
    lines = [json.loads(line) for line in said.splitlines()]
    return [line for line in lines if "what" in line]  # the last one names the results


def _results(stack: Deployed, name: str) -> RunResults:
    path = stack.hub / "state" / RUNS / name / "results.json"
    return RunResults.model_validate_json(path.read_text(encoding="utf-8"))


def _in_one(stack: Deployed, recipe: str, rounds: int) -> Finished:
    """Run the very sites: their keys, their rows, and what they keep of noisy releases."""
    coordinator = open_coordinator(stack.hub)
    plan = plan_of(coordinator, make_order(run="alone", rounds=rounds, recipe=recipe))
    sites = {name: _opened(stack.folder / name) for name in stack.sites}
    app = client_app(lambda context: sites[str(context.node_config["site"])])
    with one_thread():
        return run_on(InProcessGrid(app, sites), plan, coordinator.office, lambda *_: None)


def _opened(folder: Path) -> Site:
    found = open_site_folder(folder)
    identity = open_identity(folder, found.settings.name)
    return open_site(found.settings, folder, found.federation, {}, identity=identity)


def _row(
    phase: str,
    alone: Sequence[Mapping[str, float]],
    between: Sequence[Mapping[str, float]],
    told: Sequence[Told],
) -> Row:
    kept = [line for line in told[-1] if line["what"] == "kept" and line["phase"] == phase]
    return Row(
        phase,
        tuple(seconds[phase] for seconds in alone),
        tuple(seconds[phase] for seconds in between),
        median(took for each in told for took in answer_times(each, phase)),
        sum(int(str(line.get("sent", 0))) for line in kept),
        sum(int(str(line.get("received", 0))) for line in kept),
    )


def answer_times(told: Told, phase: str) -> list[float]:
    """Seconds from each site's question to its answer."""
    asked: dict[object, float] = {}
    took = []
    for line in told:
        if line.get("phase") != phase:
            continue
        question, at = (line.get("round"), line.get("attempt"), line.get("site")), line["time"]
        if line["what"] == "asked":
            asked[question] = float(str(at))
        elif line["what"] == "answered":
            took.append(float(str(at)) - asked[question])
    return took


def show(console: Console, report: Report) -> None:
    """Print the table and what its columns are."""
    runs = len(report.digests["between processes"])
    console.print(f"\n{report.cpu}; {report.recipe}, seed {report.seed}, {runs} run(s) of each")
    table = titled(
        f"{report.rounds} round(s) of the same federation",
        text=("phase",),
        numbers=("alone s", "deployed s", "x", "answer s", "MB out", "MB in"),
    )
    for row in [*report.rows, _sum(report.rows)]:
        table.add_row(
            row.phase,
            _spread(row.alone),
            _spread(row.deployed),
            digits(median(row.deployed) / median(row.alone)),
            digits(row.answer),
            f"{row.sent / 1e6:.2f}",
            f"{row.received / 1e6:.2f}",
        )
    console.print(table)
    console.print(
        "alone: in one process, one site after another; deployed: a process for each site and "
        "message, TLS, node keys and the edge. Medians, and from least to most. answer: from a "
        "question to its answer, the median over sites.\n"
        + ("All runs came to the same digest." if report.same else "The digests differ.")
    )


def _sum(rows: Sequence[Row]) -> Row:
    return replace(
        rows[0],
        phase="all",
        alone=tuple(map(sum, zip(*(row.alone for row in rows), strict=True))),
        deployed=tuple(map(sum, zip(*(row.deployed for row in rows), strict=True))),
        answer=sum(row.answer for row in rows),
        sent=sum(row.sent for row in rows),
        received=sum(row.received for row in rows),
    )


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.1f} ({min(values):.1f}-{max(values):.1f})"
