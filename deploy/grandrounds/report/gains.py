"""Before, after and the ensemble, site by site: positions for a chart, texts for a table."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from grandrounds.report.numbers import Change, change
from grandrounds.results import Comparison, Results, SiteResult

_EDGE = 3.0
"""Percent of the chart's width kept free at each side, so that marks are not cut."""


@dataclass(frozen=True)
class Axis:
    """A scale of shares, shown in percent."""

    low: float
    high: float

    @property
    def ticks(self) -> list[float]:
        """Every tenth, or every fifth where there are many."""
        step = 1 if self.high - self.low <= 0.6 else 2
        return [
            tenth / 10 for tenth in range(round(10 * self.low), round(10 * self.high) + 1, step)
        ]

    def at(self, share: float) -> float:
        """Where a share stands, in percent of the width."""
        inner = 100 - 2 * _EDGE
        return round(_EDGE + inner * (share - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True)
class Line:
    """One site of a panel."""

    name: str
    learner: str
    part: Comparison
    balanced: Change
    plain: Change
    reason: str

    @property
    def complete(self) -> bool:
        """Whether there is anything to draw."""
        part = self.part
        return None not in (part.before.balanced_accuracy, part.after.balanced_accuracy)


@dataclass(frozen=True)
class Panel:
    """One set of held-out rows."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Gains:
    """The section: two panels on one scale."""

    axis: Axis
    guessing: float
    """Balanced accuracy of a model that knows nothing."""
    panels: tuple[Panel, ...]
    undefined: bool
    """Whether some figure is a dash that needs its explanation."""


def gains(results: Results, classes: int, *, everywhere: bool) -> Gains:
    """Lay out what each site gained; `everywhere`, on the held-out rows of all sites, too."""
    own = _panel("own", "On each site\N{RIGHT SINGLE QUOTATION MARK}s own held-out rows", results)
    panels: tuple[Panel, ...] = (own,)
    if everywhere:
        panels = (own, _panel("all", "On the held-out rows of all sites", results))
    lines = [line for panel in panels for line in panel.lines]
    return Gains(_axis(lines), 1 / classes, panels, any(_undefined(line.part) for line in lines))


_PARTS: dict[str, Callable[[SiteResult], Comparison]] = {
    "own": lambda site: site.own,
    "all": lambda site: site.federation,
}


def _panel(key: str, title: str, results: Results) -> Panel:
    found = [(name, site, _PARTS[key](site)) for name, site in results.sites.items()]
    return Panel(key, title, tuple(_line(name, site, part) for name, site, part in found))


def _line(name: str, site: SiteResult, part: Comparison) -> Line:
    before, after = part.before, part.after
    return Line(
        name=name,
        learner=site.learner,
        part=part,
        balanced=change(before.balanced_accuracy, after.balanced_accuracy),
        plain=change(before.accuracy, after.accuracy),
        reason=site.reason,
    )


def _axis(lines: list[Line]) -> Axis:
    models = [m for line in lines for m in (line.part.before, line.part.after, line.part.ensemble)]
    shares = [m.balanced_accuracy for m in models if m.balanced_accuracy is not None]
    low = math.floor(10 * min(shares, default=0)) / 10
    high = math.ceil(10 * max(shares, default=1)) / 10
    return Axis(low, high) if high - low >= 0.2 else Axis(max(0, low - 0.1), min(1, low + 0.2))


def _undefined(part: Comparison) -> bool:
    models = (part.before, part.after, part.ensemble)
    return any(None in (model.accuracy, model.balanced_accuracy) for model in models)
