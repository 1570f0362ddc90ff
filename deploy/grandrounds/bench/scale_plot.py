"""A plot with two logarithmic axes per curve, as one SVG file that loads nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from grandrounds.bench.table import digits

_WIDTH, _HEIGHT = 300.0, 180.0
"""Of one panel's inside."""


@dataclass(frozen=True)
class Curve:
    """One panel: points (n, value), all above 0, and the exponent fitted to them."""

    title: str
    points: Sequence[tuple[float, float]]
    exponent: float | None


@dataclass(frozen=True)
class _Mark:
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class _Panel:
    title: str
    marks: list[_Mark]
    across: list[_Mark]
    up: list[_Mark]
    slope: str


def draw(title: str, subtitle: str, axis: str, curves: Sequence[Curve]) -> str:
    """Return the SVG; `axis` names what runs from left to right in every panel."""
    environment = Environment(
        loader=PackageLoader("grandrounds", "bench/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("loglog.svg").render(
        title=title,
        subtitle=subtitle,
        axis=axis,
        panels=[_panel(curve) for curve in curves],
        width=_WIDTH,
        height=_HEIGHT,
    )


def _panel(curve: Curve) -> _Panel:
    xs, ys = zip(*curve.points, strict=True)
    left, right = _decades(xs)
    bottom, top = _decades(ys)

    def across(x: float) -> float:
        return round(_WIDTH * (math.log10(x) - left) / (right - left), 1)

    def up(y: float) -> float:
        return round(_HEIGHT * (top - math.log10(y)) / (top - bottom), 1)

    return _Panel(
        title=curve.title,
        marks=[_Mark(across(x), up(y), digits(y)) for x, y in curve.points],
        across=[_Mark(across(10.0**at), 0, f"{10.0**at:g}") for at in range(left, right + 1)],
        up=[_Mark(0, up(10.0**at), f"{10.0**at:g}") for at in range(bottom, top + 1)],
        slope="" if curve.exponent is None else f"grows as n^{curve.exponent:.3f}",
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Whole powers of ten around the values, at least one apart."""
    low = math.floor(math.log10(min(values)))
    return low, max(low + 1, math.ceil(math.log10(max(values))))
