"""How many raw features of a row equal those of one own row."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from grandrounds_client.arrays import Floats, Rows
from grandrounds_client.gate.nearest import PAIRS
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Ordinal

ROUNDING = 2.0**-22
"""Four steps of float32 just below 1: what encoding and decoding may lose."""


@dataclass(frozen=True)
class RawFeatures:
    """Own rows, read feature by feature as a person would read the decoded record.

    A category is the strongest of its group, or missing; an ordinal the nearest level; a
    number, or a pixel, equals an own value if it lies within half the smallest difference
    of two own values (ages in whole years: half a year), and at least within float32
    rounding.

    Attributes
    ----------
    rows : float32 [M, d]
        On the site's own columns; at least one.
    features : tuple of (kind, slice)
        Levels of an ordinal, 0 for a number, -1 for a category, and the columns of each.
    """

    rows: Rows
    features: tuple[tuple[int, slice], ...]

    @classmethod
    def of(cls, rows: Rows, columns: npt.NDArray[np.int64], layout: Layout) -> "RawFeatures":
        """Read rows, float32 [M, d], on the columns of the layout that a site has."""
        return cls(rows, tuple(raw_features(columns, layout)))

    @cached_property
    def resolutions(self) -> tuple[float, ...]:
        """Largest difference at which a value equals an own one; of no meaning for a category."""
        return tuple(
            0.5 / (kind - 1) if kind > 0 else _resolution(self.rows[:, part.start])
            for kind, part in self.features
        )

    @cached_property
    def _distinct(self) -> tuple[Floats, ...]:
        return tuple(np.unique(self.rows[:, part.start]) for _, part in self.features)

    @cached_property
    def _categories(self) -> npt.NDArray[np.bool_]:
        return np.array([kind < 0 for kind, _ in self.features], np.bool_)

    @cached_property
    def _coded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Own rows as `_comparable` gives them, the first part turned."""
        one_hot, numbers = self._comparable(self.rows)
        return one_hot.T, numbers

    def _comparable(self, x: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Categories one-hot, missing being one of them, and the codes of all else."""
        codes = self.codes(x)
        parts = [np.zeros((len(x), 0), np.float32)]
        for at in np.flatnonzero(self._categories):
            part = self.features[at][1]
            named = np.arange(-1, part.stop - part.start)
            parts.append((codes[:, at, None] == named).astype(np.float32))
        numbers = np.ascontiguousarray(codes[:, ~self._categories])
        return torch.from_numpy(np.concatenate(parts, axis=1)), torch.from_numpy(numbers)

    def codes(self, x: Rows) -> Floats:
        """Return one whole number per feature; -1 for a missing category or a number of no row.

        Parameters
        ----------
        x : float32 [n, d]

        Returns
        -------
        float32 [n, F]
        """
        codes = np.empty((len(x), len(self.features)), np.float32)
        for at, (kind, part) in enumerate(self.features):
            if kind < 0:
                codes[:, at] = strongest(x[:, part])
            elif kind > 0:
                codes[:, at] = np.rint(x[:, part.start] * (kind - 1))
            else:
                codes[:, at] = self._place(at, x[:, part.start])
        return codes

    def _place(self, feature: int, value: Floats) -> Floats:
        """Return the index of the own value that each value equals, -1 where none is."""
        known = self._distinct[feature]
        middles = (known[:-1].astype(np.float64) + known[1:]) / 2
        at = np.searchsorted(middles, value)
        equal = np.abs(known[at].astype(np.float64) - value) <= self.resolutions[feature]
        places: Floats = np.where(equal, at, -1).astype(np.float32)
        return places

    def most_alike(self, x: Rows) -> npt.NDArray[np.intp]:
        """Return the most features equal to those of one own row, int [n].

        Parameters
        ----------
        x : float32 [n, d]
        """
        step = max(1, PAIRS // len(self.rows))
        found = [self._block(x[at : at + step]) for at in range(0, len(x), step)]
        return np.concatenate([np.zeros(0, np.intp), *found])

    def _block(self, x: Rows) -> npt.NDArray[np.intp]:
        turned, known = self._coded
        one_hot, numbers = self._comparable(x)
        # p=0 counts the numbers that differ; one matrix product counts the categories that agree
        pairs = torch.cdist(numbers, known, 0)
        pairs.addmm_(one_hot, turned, alpha=-1)
        fewest = pairs.min(dim=1).values.numpy().astype(np.intp)
        counts: npt.NDArray[np.intp] = numbers.shape[1] - fewest
        return counts


def strongest(group: Rows) -> npt.NDArray[np.intp]:
    """Return the category that a one-hot group reads as, over the last axis; -1 if missing."""
    return np.where(group.max(axis=-1) > 0, group.argmax(axis=-1), -1)


def raw_features(columns: npt.NDArray[np.int64], layout: Layout) -> Iterator[tuple[int, slice]]:
    """Kind and columns of each feature a site has, counted in its own columns.

    The kind is -1 for a category, the number of levels for an ordinal, 0 for a number and
    for each pixel of an image.
    """
    own = {int(column): at for at, column in enumerate(columns)}
    for feature in layout.features:
        first = own.get(layout.slices[feature.name].start)
        if first is None:
            continue
        if isinstance(feature, Categorical):
            yield -1, slice(first, first + feature.width)
            continue
        kind = len(feature.levels) if isinstance(feature, Ordinal) else 0
        for at in range(first, first + feature.width):
            yield kind, slice(at, at + 1)


def _resolution(values: Floats) -> float:
    apart = np.diff(np.unique(values).astype(np.float64))
    return max(ROUNDING, float(apart.min()) / 2 if len(apart) else 0.0)
