"""Rounds of many sites: measured at some sizes, and how a site's share grows with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from grandrounds.bench.scale_federation import LEARNERS, PEERS, ROWS
from grandrounds.bench.scale_measure import Measured, measure
from grandrounds.bench.scale_plot import Curve, draw
from grandrounds.bench.table import digits
from grandrounds.tables import titled
from grandrounds_protocol.errors import BadInput

SITES = (10, 100, 1000)
_MEGA = 1_000_000


@dataclass(frozen=True)
class Sites:
    """The figures.

    Attributes
    ----------
    seconds_exponent, cpu_exponent, bytes_exponent : float or None
        Slope of log(wall time per site), and of processor time and bytes likewise, over
        log(sites): 0 where a site costs the same in a federation of any size. None with one
        size only. Where other work shares the cores, trust processor time.
    """

    rows: int
    peers: int
    learners: tuple[str, ...]
    sizes: list[Measured]
    seconds_exponent: float | None
    cpu_exponent: float | None
    bytes_exponent: float | None


def measure_sizes(
    sizes: Sequence[int], jobs: int, rounds: int, note: Callable[[str], None]
) -> Sites:
    """Measure federations of these sizes, one after another.

    Raises
    ------
    BadInput
        If a size is below two sites.
    """
    if min(sizes) < 2:
        raise BadInput("a federation has at least two sites", where="command line, --sites")
    found = []
    for count in sorted(set(sizes)):
        note(f"{count:,} sites: {rounds} round{'s' if rounds > 1 else ''}, {jobs} processes")
        found.append(measure(count, jobs, rounds))
    return Sites(
        rows=ROWS,
        peers=PEERS,
        learners=LEARNERS,
        sizes=found,
        seconds_exponent=exponent([(each.sites, each.seconds) for each in found]),
        cpu_exponent=exponent([(each.sites, each.cpu_seconds) for each in found]),
        bytes_exponent=exponent([(each.sites, each.carried) for each in found]),
    )


def exponent(totals: Sequence[tuple[int, float]]) -> float | None:
    """Fit b in total / n = a n^b to pairs of n and total, by least squares of logarithms.

    >>> round(exponent([(10, 5), (100, 50), (1000, 500)]), 3)
    0.0
    >>> round(exponent([(10, 100), (100, 10_000)]), 3)
    1.0
    """
    if len(totals) < 2:
        return None
    n, total = np.asarray(totals, dtype=np.float64).T
    return float(np.polyfit(np.log(n), np.log(total / n), 1)[0])


def table(found: Sites) -> Table:
    """Lay the figures out, 80 columns wide."""
    heads = ("sites", "s", "s/site", "cpu", "coord.", "all", "in", "out", "MB/site", "lessons")
    table = titled(
        f"Rounds of many sites: {found.rows} rows each, {found.peers} peers a round", numbers=heads
    )
    for each in found.sizes:
        table.add_row(
            f"{each.sites:,}",
            f"{each.seconds:.0f}",
            digits(each.seconds / each.sites),
            digits(each.cpu_seconds / each.sites),
            f"{each.coordinator_peak / _MEGA:,.0f}",
            f"{each.everything_peak / _MEGA:,.0f}",
            f"{sum(each.received.values()) / _MEGA:,.0f}",
            f"{sum(each.sent.values()) / _MEGA:,.0f}",
            digits(each.carried / _MEGA / each.sites),
            f"{each.counterfactuals:,}",
        )
    return table


def explain(found: Sites) -> str:
    """Say what the table's columns are, how a site's share grows, and what went wrong."""
    lines = [
        (
            "s: wall time of all rounds; cpu: seconds of all processes per site; coord., all: peak "
            "memory in MB, of the coordinator's process and of all together; in, out: MB through "
            "the coordinator; lessons: counterfactuals written, once per student."
        ),
    ]
    exponents = {
        "wall time": found.seconds_exponent,
        "processor time": found.cpu_exponent,
        "bytes": found.bytes_exponent,
    }
    grows = [f"{name} as n^{b:.3f}" for name, b in exponents.items() if b is not None]
    lines += [f"Per site of n, {', '.join(grows)}."] if grows else []
    lines += [
        f"{each.sites:,} sites: {each.failed} failed. {each.stopped}"
        for each in found.sizes
        if each.failed or each.stopped
    ]
    return "\n".join(lines)


def plot(found: Sites) -> str:
    """Draw time and bytes per site over sites."""
    return draw(
        "Rounds of many sites",
        f"{found.rows} rows each, {found.peers} peers a round, {found.sizes[0].jobs} processes",
        "sites",
        [
            Curve(
                "seconds per site",
                [(each.sites, each.seconds / each.sites) for each in found.sizes],
                found.seconds_exponent,
            ),
            Curve(
                "processor seconds per site",
                [(each.sites, each.cpu_seconds / each.sites) for each in found.sizes],
                found.cpu_exponent,
            ),
            Curve(
                "megabytes per site",
                [(each.sites, each.carried / _MEGA / each.sites) for each in found.sizes],
                found.bytes_exponent,
            ),
        ],
    )
