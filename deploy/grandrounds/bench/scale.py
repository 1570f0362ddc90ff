"""`grandrounds bench scale`: what grows, and how fast, as a federation or its data grows."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from grandrounds.bench import scale_cover, scale_distill
from grandrounds.bench.cover import measure_cover
from grandrounds.bench.scale_sites import SITES, explain, measure_sizes, plot, table
from grandrounds.bench.setting import SEED, cpu
from grandrounds.results import versions
from grandrounds.threads import one_thread
from grandrounds_protocol.errors import BadInput

Note = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes
    ----------
    sites : tuple of int
        Federations of these many sites, in growing order.
    jobs : int
        Processes that their sites share.
    rounds : int
    rows : int
        That a site has to distill on.
    covered : tuple of int
        Rows that a set cover gets.
    radii : tuple of float
        Of the set covers.
    """

    sites: tuple[int, ...] = SITES
    jobs: int = os.cpu_count() or 1
    rounds: int = 1
    rows: int = 20_000
    covered: tuple[int, ...] = (20_000, 100_000)
    radii: tuple[float, ...] = (2.0,)


@dataclass(frozen=True)
class Section:
    """What one section found.

    Attributes
    ----------
    figures : a dataclass, or a list of them
        For `--json`.
    table : Table
    says : str
        What stands below the table.
    plots : dict of str to str
        SVG by file name, for `--out`.
    """

    figures: Any
    table: Table
    says: str
    plots: dict[str, str]


def sites(size: Size, note: Note) -> Section:
    """Measure rounds of many sites."""
    found = measure_sizes(size.sites, size.jobs, size.rounds, note)
    return Section(found, table(found), explain(found), {"scale-sites.svg": plot(found)})


def cover(size: Size, note: Note) -> Section:
    """Measure set covers of many rows."""
    with one_thread():
        found = measure_cover(size.covered, note, size.radii)
    return Section(found, scale_cover.table(found), scale_cover.SAYS, {})


def distill(size: Size, note: Note) -> Section:
    """Measure one site's distill phase on many rows."""
    found = scale_distill.measure(size.rows, note)
    return Section(found, scale_distill.table(found), scale_distill.explain(found), {})


SECTIONS: dict[str, Callable[[Size, Note], Section]] = {
    "cover": cover,
    "distill": distill,
    "sites": sites,
}
"""The quick ones first."""


@dataclass(frozen=True)
class Report:
    """The whole, section by section."""

    seed: int
    cpu: str
    versions: dict[str, str]
    seconds: float
    sections: dict[str, Section]

    def to_json(self) -> str:
        """Indented JSON with a final newline."""
        head = {
            "seed": self.seed,
            "cpu": self.cpu,
            "versions": self.versions,
            "seconds": self.seconds,
        }
        figures = {name: _plain(section.figures) for name, section in self.sections.items()}
        return json.dumps({**head, **figures}, indent=2) + "\n"

    def write_plots(self, folder: Path) -> list[Path]:
        """Write every plot into `folder`, which is there; return where they lie."""
        paths = []
        for section in self.sections.values():
            for name, svg in section.plots.items():
                (folder / name).write_text(svg, encoding="utf-8")
                paths.append(folder / name)
        return paths


def _plain(figures: Any) -> Any:
    return [asdict(each) for each in figures] if isinstance(figures, list) else asdict(figures)


def run(names: Sequence[str], size: Size, note: Note) -> Report:
    """Measure these sections, or all if none is named; `note` hears what goes on.

    Raises
    ------
    BadInput
        A section of that name is not there.
    """
    for name in names:
        if name not in SECTIONS:
            raise BadInput(
                f"there is no section {name!r}",
                where="command line, --only",
                remedy=f"choose among {', '.join(SECTIONS)}",
            )
    begun = perf_counter()
    found = {name: SECTIONS[name](size, note) for name in names or SECTIONS}
    return Report(SEED, cpu(), versions(), perf_counter() - begun, found)


def show(console: Console, report: Report) -> None:
    """Print each section's table and what there is to say of it."""
    console.print(f"\n{report.cpu}; seed {report.seed}, {report.seconds:.0f} s in all")
    for section in report.sections.values():
        console.print(section.table)
        console.print(section.says)
