"""What every part took over time, as one SVG file that loads nothing."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grandrounds.bench.learning.plot import _DARK, _LIGHT
from tests.soak.growth import MIB, Line, is_short_lived

_WIDTH, _HEIGHT = 420.0, 230.0
"""Of one panel's inside."""
_APART = 15.0
"""Between the lines of two labels."""
_LEAST = 0.03
"""Of the highest figure of a panel: what stays below is named in one line, without a curve."""


@dataclass(frozen=True)
class _Curve:
    name: str
    line: str
    band: str
    """Around the sites' median: from the least to the most of them; nothing for one."""
    colour: int
    y: float
    """Of its label."""


@dataclass(frozen=True)
class _Tick:
    at: float
    text: str


@dataclass(frozen=True)
class _Panel:
    title: str
    curves: list[_Curve]
    up: list[_Tick]
    across: list[_Tick]
    small: str


def draw(lines: Sequence[Line]) -> str:
    """Return the SVG: memory and disk, of the coordinator and of the sites."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sites = sorted({name.partition("/")[0] for name in lines[0]["processes"]} - {"coordinator"})
    memory, disk = _figure(lines, "processes", "anonymous"), _figure(lines, "folders", "bytes")
    panels = [
        _panel("Memory of the coordinator, MiB", lines, memory, ["coordinator"]),
        _panel(f"Memory of a site, MiB: median of {len(sites)}", lines, memory, sites),
        _panel("Disk of the coordinator, MiB", lines, disk, ["coordinator"]),
        _panel(f"Disk of a site, MiB: median of {len(sites)}", lines, disk, sites),
    ]
    return environment.get_template("soak.svg").render(
        rounds=lines[-1]["round"],
        panels=panels,
        width=_WIDTH,
        height=_HEIGHT,
        light=_LIGHT,
        dark=_DARK,
    )


def _figure(lines: Sequence[Line], kind: str, key: str) -> Mapping[str, list[float]]:
    """Return each part's MiB at each look, by `who/part`."""
    names = [name for name in lines[-1][kind] if not is_short_lived(name)]
    return {name: [line[kind].get(name, {}).get(key, 0) / MIB for line in lines] for name in names}


def _panel(
    title: str, lines: Sequence[Line], figure: Mapping[str, list[float]], whose: Sequence[str]
) -> _Panel:
    times: list[float] = [line["at"] for line in lines]
    parts = [name.partition("/")[2] for name in figure if name.startswith(f"{whose[0]}/")]
    found = {part: [figure[f"{who}/{part}"] for who in whose] for part in parts}
    highest = max(max(values) for many in found.values() for values in many)
    top, ticks = _axis(highest)

    def across(at: float) -> float:
        return round(_WIDTH * at / times[-1], 1)

    def up(value: float) -> float:
        return round(_HEIGHT * (1 - value / top), 1)

    def points(values: Sequence[float], at: Sequence[float] = times) -> str:
        return " ".join(f"{across(x)},{up(y)}" for x, y in zip(at, values, strict=True))

    curves: list[_Curve] = []
    small: list[str] = []
    for part, many in found.items():
        looks = list(zip(*many, strict=True))
        if max(map(max, looks)) < _LEAST * highest:
            small.append(part)
            continue
        middle = [median(look) for look in looks]
        least, most = [min(look) for look in looks], [max(look) for look in looks]
        band = f"{points(least)} {points(most[::-1], times[::-1])}" if len(many) > 1 else ""
        curves.append(_Curve(part, points(middle), band, len(curves), up(middle[-1])))
    return _Panel(
        title,
        list(_spread(curves)),
        [_Tick(up(tick), f"{tick:g}") for tick in ticks],
        list(_rounds(lines, across)),
        f"less than {_LEAST * highest:.2g}: {', '.join(small)}" if small else "",
    )


def _spread(curves: Sequence[_Curve]) -> Iterator[_Curve]:
    """Move labels that would touch apart, from the lowest up."""
    last = _HEIGHT + _APART
    for curve in sorted(curves, key=lambda each: -each.y):
        last = min(curve.y, last - _APART)
        yield _Curve(curve.name, curve.line, curve.band, curve.colour, last)


def _rounds(lines: Sequence[Line], across: Callable[[float], float]) -> Iterator[_Tick]:
    """Give the beginning of rounds: of all where there is room, else of each fifth."""
    many = lines[-1]["round"] > 8
    seen = 0
    for line in lines:
        if line["round"] > seen:
            seen = line["round"]
            if seen == 1 or not many or not seen % 5:
                yield _Tick(across(line["at"]), str(seen))


def _axis(highest: float) -> tuple[float, list[float]]:
    """Return the end of an axis from 0, and four to eight ticks."""
    unit = 10.0 ** math.floor(math.log10(highest))
    step = next(unit * each for each in (0.2, 0.5, 1.0) if highest / (unit * each) <= 7)
    count = math.ceil(highest / step)
    return count * step, [at * step for at in range(count + 1)]
