"""Encoded columns as a reader knows them: a name, and changes in the feature's own unit."""

from collections.abc import Callable
from dataclasses import dataclass

from grandrounds.report.numbers import digits_for, signed
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Feature, Ordinal


@dataclass(frozen=True)
class Column:
    """One encoded column that is no pixel."""

    at: int
    feature: str
    category: str
    """Of a one-hot column; empty for others."""
    text: Callable[[float], str]
    """A change of the encoded value, in words."""


def readable_columns(layout: Layout) -> list[Column]:
    """All columns but those of images, in the federation's order."""
    return [
        column
        for feature in layout.features
        for column in _columns(feature, layout.slices[feature.name].start)
    ]


def _columns(feature: Feature, start: int) -> list[Column]:
    match feature:
        case Continuous():
            return [Column(start, feature.name, "", _of_number(feature))]
        case Ordinal():
            return [Column(start, feature.name, "", _of_level(feature))]
        case Categorical():
            return [
                Column(start + at, feature.name, category, _of_category)
                for at, category in enumerate(feature.categories)
            ]
    return []


def _of_number(feature: Continuous) -> Callable[[float], str]:
    span = feature.high - feature.low
    digits = digits_for(span)
    return lambda change: f"{signed(change * span, digits)} {feature.unit}".rstrip()


def _of_level(feature: Ordinal) -> Callable[[float], str]:
    steps = len(feature.levels) - 1
    return lambda change: f"{signed(change * steps, 1)} {'level' if steps == 1 else 'levels'}"


def _of_category(change: float) -> str:
    return f"{signed(100 * change, 0)} pts"
