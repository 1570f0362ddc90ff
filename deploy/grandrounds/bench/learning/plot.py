"""Every cell's change as a dot, contestants below each other, as one SVG that loads nothing."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from grandrounds.bench.learning.figures import STAGES, Change, Line
from grandrounds.bench.learning.protocols import PROTOCOLS, Cell
from grandrounds.bench.learning.report import Report
from grandrounds.bench.learning.table import PROTOCOL_NAMES, setting

_LEFT, _TOP, _WIDTH, _STEP, _ROW = 160, 108, 270.0, 300, 30
"""Where panels begin, how wide one is and how far from the next, and how high a contestant's."""
_LIGHT = ("#1f5fa8", "#b3471b", "#2e7d4f", "#7a4fa3", "#80640a", "#0f7480", "#a8326b", "#59616d")
_DARK = ("#86b8f3", "#f2a278", "#7ccf9b", "#c3a1e8", "#dcc06a", "#6fcbd6", "#ee8fba", "#b5bac2")


@dataclass(frozen=True)
class _Student:
    name: str
    colour: int
    x: int


@dataclass(frozen=True)
class _Mark:
    x: float
    y: float
    text: str = ""
    colour: int = 0
    adopted: bool = False


@dataclass(frozen=True)
class _Panel:
    title: str
    ticks: list[_Mark]
    dots: list[_Mark]
    means: list[_Mark]


def draw(report: Report) -> str:
    """Return the SVG: one panel for each protocol, changes in balanced accuracy."""
    environment = Environment(
        loader=PackageLoader("grandrounds", "bench/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    lines = {key: line for key, line in report.contestants.items() if _shown(line)}
    students = _students(lines.values())
    return environment.get_template("strips.svg").render(
        title=f"Balanced accuracy against no distillation, points: {report.federation}, "
        f"{setting(report)}",
        subtitle="A dot is a student on the rows of one site, or of all, median over seeds: "
        "rings before review, dots after; a bar is the mean over cells.",
        students=students,
        names=list(lines),
        panels=[
            _panel(protocol, lines, {one.name: one.colour for one in students})
            for protocol in PROTOCOLS
            if report.base[protocol]["balanced_accuracy"] is not None
        ],
        light=_LIGHT,
        dark=_DARK,
        left=_LEFT,
        top=_TOP,
        step=_STEP,
        row=_ROW,
        height=_ROW * len(lines),
    )


def _shown(line: Line) -> bool:
    return any(True for protocol in PROTOCOLS for _ in _stages(line, protocol))


def _students(lines: Iterable[Line]) -> list[_Student]:
    """Students with a colour each, as far as there are colours: then they begin anew."""
    names = dict.fromkeys(
        Cell.read(cell).student
        for line in lines
        for protocol in PROTOCOLS
        for _, change in _stages(line, protocol)
        for cell in change.cells
    )
    found, x = [], 0
    for at, name in enumerate(sorted(names)):
        found.append(_Student(name, at % len(_LIGHT), x))
        x += 28 + 7 * len(name)
    return found


def _stages(line: Line, protocol: str) -> Iterator[tuple[bool, Change]]:
    """Whether it is after review, and the change in balanced accuracy."""
    for stage in STAGES:
        found = getattr(line, stage)
        if found is not None and found[protocol]["balanced_accuracy"] is not None:
            yield stage == "adopted", found[protocol]["balanced_accuracy"]


def _panel(protocol: str, lines: Mapping[str, Line], colours: Mapping[str, int]) -> _Panel:
    changes = [change for line in lines.values() for _, change in _stages(line, protocol)]
    values = [value for change in changes for value in change.cells.values()]
    low, high, ticks = _axis(values)

    def across(value: float) -> float:
        return round(_WIDTH * (value - low) / (high - low), 1)

    dots, means = [], []
    for at, line in enumerate(lines.values()):
        for adopted, change in _stages(line, protocol):
            y = _ROW * at + (20 if adopted else 10)
            means.append(_Mark(across(change.change.median), y))
            for name, value in change.cells.items():
                cell = Cell.read(name)
                said = f"{cell.student} on rows of {cell.test}: {100 * value:+.1f}"
                dots.append(_Mark(across(value), y, said, colours[cell.student], adopted))
    marks = [_Mark(across(tick), 0, f"{100 * tick:.0f}") for tick in ticks]
    return _Panel(f"{protocol}: {PROTOCOL_NAMES[protocol]}", marks, dots, means)


def _axis(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """Ends of an axis that holds all values and 0, and at most seven ticks, in between."""
    least, most = min(0.0, *values), max(0.0, *values)
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    step = next(step for step in steps if (most - least) / step <= 6)
    first, last = math.floor(least / step), max(1, math.ceil(most / step))
    return first * step, last * step, [at * step for at in range(first, last + 1)]
