"""The measurements for people: one table for each workload, 80 columns wide."""

from rich.console import Console
from rich.table import Table

from grandrounds.bench.records import Measured, Report, Row
from grandrounds.tables import titled

_HEADS = ("ms", "quartiles", "x loop", "x Adam", "conv", "L1", "cols", "obj", "floor")


def show(console: Console, report: Report) -> None:
    """Print all tables and what their columns are."""
    console.print(f"\n{report.cpu}, one thread; seed {report.seed}, {report.seconds:.0f} s in all")
    for measured in report.workloads:
        console.print(_table(measured))
    console.print(
        "ms, quartiles: per counterfactual (of pairs for loops, of repeats for engines); "
        "x loop, x Adam: how many times faster than the authors' loop, and than clipped Adam; "
        "conv: share with |f(x') - y'| at most "
        f"{report.epsilon:g}, or the least a tree can; L1, cols: distance and columns changed; "
        f"obj: L1 + {report.objective_lambda:g} |f(x') - y'|^2; floor: ms of asking the teacher "
        "as often, and nothing else. * marks the engine that the product chooses.\n"
    )


def _table(measured: Measured) -> Table:
    table = titled(
        f"{measured.name}: {measured.says}",
        text=("method",),
        numbers=("pairs", *_HEADS),
        padding=(0, 0),
    )
    for row in measured.rows:
        table.add_row(f"{row.method}{'*' * row.auto}", str(row.quality.pairs), *_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    quality = row.quality
    return [
        digits(row.ms),
        f"{digits(row.low)}-{digits(row.high)}",
        _times(row.faster),
        _times(row.than_clipped),
        f"{quality.converged:.2f}",
        digits(quality.l1),
        f"{quality.changed:.1f}",
        digits(quality.objective),
        "-" if row.floor is None else digits(row.floor),
    ]


def digits(value: float) -> str:
    """Return a number to two digits or the nearest integer, whichever says more.

    >>> [digits(value) for value in (0.00412, 0.137, 6.04, 612.4)]
    ['.0041', '.14', '6.0', '612']
    """
    if value >= 10 or value == 0:
        return f"{value:.0f}"
    places = next((p for p in range(1, 6) if value >= 10 ** (1 - p)), 6)
    return f"{value:.{places}f}".removeprefix("0")


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"
