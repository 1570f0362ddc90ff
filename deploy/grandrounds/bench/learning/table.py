"""The report for people: two tables for each protocol, 80 columns wide."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from grandrounds.bench.learning.figures import STAGES, Change, Line, Quartiles, Stage
from grandrounds.bench.learning.protocols import PROTOCOLS, Cell
from grandrounds.bench.learning.records import Trial
from grandrounds.bench.learning.report import Report
from grandrounds.bench.learning.run import Note
from grandrounds.tables import titled

PROTOCOL_NAMES = {
    "loso": "rows of a site unseen by all",
    "own": "held-out rows of the own site",
    "all": "held-out rows of all sites",
}
_STAGES: dict[Stage, str] = {
    "before_review": "every candidate kept",
    "adopted": "what was adopted after review",
}


@contextmanager
def progress(console: Console) -> Iterator[Note]:
    """Give a listener that shows a bar on a terminal and plain lines elsewhere."""
    if not console.is_terminal:
        yield lambda one, done, of: console.print(f"{done} of {of}: seed {one.seed}, {one.world}")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("")

        def note(one: Trial, done: int, of: int) -> None:
            said = f"seed {one.seed}, {one.world}"
            bar.update(task, completed=done, total=of, description=said)

        yield note


def show(console: Console, report: Report) -> None:
    """Print all tables and what their columns are."""
    console.print(
        f"\n{report.federation}: {setting(report)}; "
        f"{report.cpu_seconds / report.seeds:.0f} s of processor time per seed"
    )
    for protocol in PROTOCOLS:
        base = report.base[protocol]
        if base["balanced_accuracy"] is None:
            continue
        console.print(f"\n[bold]{protocol}[/bold]: {PROTOCOL_NAMES[protocol]}")
        console.print(f"no distillation: {_base(base)}")
        for stage in STAGES:
            console.print(_table(protocol, stage, report.contestants))
        console.print(_lowest(protocol, report.contestants))
    console.print(
        "All in percent, as changes against no distillation on the same seed and rows. "
        "bal: balanced accuracy, mean over cells, median over seeds, with its quartiles; "
        "acc, auc: likewise. A cell is a student and the rows it is tested on. won, lost: share "
        "of cells and seeds with a higher, and a lower, balanced accuracy. worst: the worst "
        "cell of each seed, median over seeds. lowest cell: the one whose median over seeds is "
        "the lowest, as rows tested on < student.\n"
    )
    for key, line in report.contestants.items():
        console.print(f"  {key}: {line.says}{_remarks(line)}")


def setting(report: Report) -> str:
    """Return learners, seeds and rounds in words."""
    learners = "learners as in site.toml" if report.learner is None else f"{report.learner} at all"
    classes = {None: "", True: ", classes balanced", False: ", classes not balanced"}
    last = report.first_seed + report.seeds - 1
    return (
        f"{learners}{classes[report.balanced]}, seeds {report.first_seed} to {last}, "
        f"{report.rounds} {'round' if report.rounds == 1 else 'rounds'}"
    )


def _base(base: Mapping[str, Quartiles | None]) -> str:
    names = {"balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "auc": "AUC"}
    return ", ".join(
        f"{name} {100 * found.median:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"
        for figure, name in names.items()
        if (found := base[figure]) is not None
    )


def _table(protocol: str, stage: Stage, contestants: Mapping[str, Line]) -> Table:
    table = titled(
        _STAGES[stage],
        numbers=("contestant", "bal", "quartiles", "acc", "auc", "won", "lost", "worst"),
        padding=(0, 1, 0, 0),
    )
    table.columns[0].justify = "left"
    for key, line in contestants.items():
        by_protocol = getattr(line, stage)
        if by_protocol is not None:
            table.add_row(key, *_cells(by_protocol[protocol]))
    return table


def _cells(found: Mapping[str, Change | None]) -> list[str]:
    balanced = found["balanced_accuracy"]
    if balanced is None:
        return ["-"] * 7
    change = balanced.change
    others = [found["accuracy"], found["auc"]]
    return [
        _points(change.median),
        f"{_points(change.low)} {_points(change.high)}",
        *("-" if one is None else _points(one.change.median) for one in others),
        f"{100 * balanced.wins:.0f}",
        f"{100 * balanced.losses:.0f}",
        _points(balanced.worst),
    ]


def _lowest(protocol: str, contestants: Mapping[str, Line]) -> Table:
    table = titled("lowest cell", text=("contestant", *_STAGES.values()), padding=(0, 1, 0, 0))
    for key, line in contestants.items():
        stages = [getattr(line, stage) for stage in STAGES]
        table.add_row(key, *("-" if one is None else _cell(one[protocol]) for one in stages))
    return table


def _cell(found: Mapping[str, Change | None]) -> str:
    balanced = found["balanced_accuracy"]
    if balanced is None:
        return "-"
    cell = Cell.read(balanced.worst_cell)
    name = f"{cell.test} < {cell.student}" if cell.protocol == "loso" else cell.student
    return f"{_points(balanced.cells[balanced.worst_cell])} {name}"


def _points(change: float) -> str:
    text = f"{100 * change:+.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text


def _remarks(line: Line) -> str:
    remarks = []
    if line.adoptions is not None and line.rows is not None:
        remarks.append(f"{line.rows:.0f} rows a student, {100 * line.adoptions:.0f} % adopted")
    if line.refused:
        remarks.append(f"{line.refused} candidates not fit for release")
    remarks += [f"raised in {count} worlds: {where}" for where, count in line.failed.items()]
    if line.absent:
        remarks.append(f"no place in {line.absent} worlds")
    return "".join(f"; {remark}" for remark in remarks)
