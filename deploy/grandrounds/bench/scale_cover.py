"""Set covers of many rows, as a section of `bench scale`."""

from collections.abc import Sequence

from rich.table import Table

from grandrounds.bench.cover import Covered
from grandrounds.bench.table import digits
from grandrounds.tables import titled

_MEGA = 1_000_000


def table(found: Sequence[Covered]) -> Table:
    """Lay the figures out, 80 columns wide."""
    table = titled(
        f"Set covers of rows of {found[0].columns} columns",
        numbers=("rows", "kind", "radius", "method", "s", "cpu", "MB", "kept"),
    )
    for each in found:
        table.add_row(
            f"{each.rows:,}",
            each.kind,
            f"{each.radius:g}",
            each.method,
            digits(each.seconds),
            digits(each.cpu_seconds),
            f"{each.memory / _MEGA:,.0f}",
            f"{each.kept:,}",
        )
    return table


SAYS = (
    "apart: rows drawn one by one; clustered: 20 of each, moved in up to three features; "
    "fractional: the same, a moved category gets any share. The product takes the greedy cover "
    "up to 20,000 rows and the net beyond.\n"
)
