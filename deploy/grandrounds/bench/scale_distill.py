"""The distill phase of one site on many rows, as a section of `bench scale`."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.table import Table

from grandrounds.bench.distill import Distilled, measure_distill
from grandrounds.bench.table import digits
from grandrounds.tables import titled
from grandrounds.threads import one_thread

_MEGA = 1_000_000


def measure(rows: int, note: Callable[[str], None]) -> list[Distilled]:
    """Measure in a fresh process, so that its peak memory is its own."""
    note(f"distill phase: {rows:,} rows to train on")
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(_measure, rows).result()


def _measure(rows: int) -> list[Distilled]:
    with one_thread():
        return measure_distill(lambda _: None, rows)


def table(found: Sequence[Distilled]) -> Table:
    """Lay the figures out, 80 columns wide."""
    table = titled(
        f"Distill phase: {found[0].rows:,} x {found[0].columns} rows, a tree and a peer's "
        "net, 512 wide",
        numbers=("cover", "peer's model", "s", "cpu", "MB", "written", "kept", "conv"),
    )
    for each in found:
        table.add_row(
            f"{each.radius:g}",
            "apart" if each.apart else "in process",
            digits(each.seconds),
            digits(each.cpu),
            f"{each.peak / _MEGA:,.0f}",
            f"{each.written:,}",
            f"{each.kept:,}",
            "-" if each.converged is None else f"{each.converged:.2f}",
        )
    return table


def explain(found: Sequence[Distilled]) -> str:
    """Say what the columns are, and what keeping peers' models apart costs."""
    apart = next(each for each in found if each.apart)
    within = next(each for each in found if not each.apart)
    return (
        "s: from question to answer, release gate included; MB: the most that the site's process "
        "and its worker ever held; conv: share that met the target, valid categories only. "
        f"A process apart for the peer's model costs {100 * (apart.cpu / within.cpu - 1):.1f} % "
        "of the phase's processor time.\n"
    )
