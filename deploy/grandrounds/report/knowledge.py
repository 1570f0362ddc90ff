"""The direction of the knowledge, per feature and student (CKD, figure 4)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds.report.columns import Column, readable_columns
from grandrounds.report.pictures import data_uri, pixels
from grandrounds_client.direction import Direction
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Federation, Image

MOST = 15
"""Columns shown per class: those that moved most for some student."""
LEAST_LESSONS = 10
"""A mean over fewer lessons tells too much of the rows they began with to be shown."""

Changes = dict[str, npt.NDArray[np.float64]]
"""By student, float64 [D]."""


@dataclass(frozen=True)
class Bar:
    """One student's change of one column; `reach` is -1..1 of the largest bar shown."""

    reach: float
    text: str


@dataclass(frozen=True)
class FeatureRow:
    """One column, over the students."""

    feature: str
    category: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Picture:
    """One student's change of an image feature."""

    student: str
    source: str
    strongest: str
    """Largest change of a pixel, in percent of the brightest value."""


@dataclass(frozen=True)
class Gallery:
    """An image feature, over the students."""

    feature: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Towards:
    """One class against the rest."""

    label: str
    others: str
    students: tuple[str, ...]
    rows: tuple[FeatureRow, ...]
    left_out: int
    """Columns that moved less than those shown."""
    galleries: tuple[Gallery, ...]
    too_few: tuple[str, ...]
    """Students with too few lessons to show a mean of."""


def knowledge(federation: Federation, directions: dict[str, Direction]) -> tuple[Towards, ...]:
    """Lay out the directions; of two classes the second against the first says it all."""
    names = federation.class_names
    labels = [1] if len(names) == 2 else list(range(len(names)))
    return tuple(_towards(federation, directions, label) for label in labels)


def _towards(federation: Federation, directions: dict[str, Direction], label: int) -> Towards:
    names, layout = federation.class_names, Layout.of(federation)
    shown = {
        student: direction.towards(label)
        for student, direction in directions.items()
        if _enough(direction, label)
    }
    rows, left_out = _rows(layout, shown)
    return Towards(
        label=names[label],
        others=names[1 - label] if len(names) == 2 else "all other classes",
        students=tuple(shown),
        rows=rows,
        left_out=left_out,
        galleries=tuple(_gallery(layout, image, shown) for image in layout.images if shown),
        too_few=tuple(student for student in directions if student not in shown),
    )


def _enough(direction: Direction, label: int) -> bool:
    of_label = int(direction.count[label])
    return min(of_label, int(direction.count.sum()) - of_label) >= LEAST_LESSONS


def _rows(layout: Layout, shown: Changes) -> tuple[tuple[FeatureRow, ...], int]:
    columns = readable_columns(layout)
    if not shown or not columns:
        return (), 0
    size = np.max([np.abs(change) for change in shown.values()], axis=0)
    moved = [column for column in columns if size[column.at] > 0]
    order = sorted(moved, key=lambda column: -size[column.at])[:MOST]
    largest = max((float(size[column.at]) for column in order), default=1.0)
    return tuple(_row(column, shown, largest) for column in order), len(moved) - len(order)


def _row(column: Column, shown: Changes, largest: float) -> FeatureRow:
    changes = [float(change[column.at]) for change in shown.values()]
    bars = tuple(Bar(round(change / largest, 4), column.text(change)) for change in changes)
    return FeatureRow(column.feature, column.category, bars)


def _gallery(layout: Layout, image: Image, shown: Changes) -> Gallery:
    drawn = {
        student: pixels(change[layout.slices[image.name]], image)
        for student, change in shown.items()
    }
    largest = max(float(np.abs(values).max()) for values in drawn.values())
    pictures = tuple(
        Picture(student, data_uri(values, largest), f"{100 * np.abs(values).max():.0f}")
        for student, values in drawn.items()
    )
    return Gallery(image.name, pictures)
