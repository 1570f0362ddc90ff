"""Stories that no run told, for pages of a known content; and a way to read a page's tables."""

from html.parser import HTMLParser

import numpy as np

from grandrounds.report.knowledge import LEAST_LESSONS
from grandrounds.report.story import Story
from grandrounds.results import Comparison, Results, SiteResult
from grandrounds_client.direction import Direction
from grandrounds_protocol.records import Metrics
from grandrounds_protocol.schema import Federation

AGE = {"name": "age", "kind": "continuous", "low": 0, "high": 9}
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def metrics(share: float | None, n: int = 40) -> Metrics:
    return Metrics(accuracy=share, balanced_accuracy=share, auc=None, n=n)


def compared(before: float | None, after: float | None) -> Comparison:
    return Comparison(before=metrics(before), after=metrics(after), ensemble=metrics(0.6))


def site_result(before: float | None, after: float | None, **changes: object) -> SiteResult:
    part = compared(before, after)
    values = {"learner": "tree", "rows": 100, "own": part, "federation": part, "received": 9}
    return SiteResult.model_validate({**values, "adopted": 5, "reason": "", **changes})


def results_of(**sites: SiteResult) -> Results:
    return Results(
        federation="made up",
        recipe="paper",
        engine="auto",
        seed=1,
        rounds=1,
        versions={"grandrounds": "0"},
        sites=sites,
        taught={},
        engines={},
        seconds={"publish": 1.0},
    )


def story_of(federation: Federation, directions: dict[str, Direction]) -> Story:
    results = results_of(north=site_result(0.5, 0.7), south=site_result(0.8, 0.6))
    return Story(results, federation, (), directions)


def lessons(change: list[list[float]], count: int = 2 * LEAST_LESSONS) -> Direction:
    sums = np.asarray(change, np.float64) * count
    return Direction(sums, np.full(len(change), count, np.int64))


def federation_of(*features: object, classes: tuple[str, ...] = ("well", "ill")) -> Federation:
    return Federation.model_validate(
        {"name": "made up", "label": "y", "classes": list(classes), "features": features}
    )


class Tables(HTMLParser):
    """Cells of each table's rows, as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in {"td", "th"} or (self.inside and tag != "table")
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data.strip()
