"""New rows out of many: each value is drawn by itself, and stands for a crowd of rows."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Rows
from grandrounds_client.gate.alike import raw_features, strongest
from grandrounds_protocol.layout import Layout


class _Values(Protocol):
    """The values of one feature."""

    def draw(self, n: int, rng: np.random.Generator) -> Rows:
        """Draw n of them, float32 [n, w]."""
        ...


@dataclass(frozen=True)
class Crowd:
    """Rows to draw new ones from, whose features are independent of each other.

    A number is drawn evenly between the lowest and the highest of `size` values that are
    neighbours in order, and never beyond the `size` lowest or highest of all; a category or
    level that fewer than `size` rows have is never drawn. So no value hangs on one row alone,
    and no two values of a new row are of one row but by chance: a smoothed bootstrap of each
    feature.
    """

    width: int
    features: tuple[tuple[slice, _Values], ...]

    @classmethod
    def of(cls, rows: Rows, layout: Layout, size: int) -> "Crowd":
        """Read rows, float32 [m, D], feature by feature.

        Parameters
        ----------
        rows : float32 [m, D]
            At least `size`.
        layout : Layout
        size : int
        """
        width = rows.shape[1]
        return cls(
            width,
            tuple(
                (part, _values(kind, rows[:, part], size))
                for kind, part in raw_features(np.arange(width), layout)
            ),
        )

    def draw(self, n: int, rng: np.random.Generator) -> Rows:
        """Draw n new rows, float32 [n, D]: valid categories and levels, in the box."""
        rows = np.empty((n, self.width), np.float32)
        for part, values in self.features:
            rows[:, part] = values.draw(n, rng)
        return rows


@dataclass(frozen=True)
class _Numbers:
    """Values in order, and the share of rows in which the number is missing."""

    known: Floats
    missing: float
    size: int

    def draw(self, n: int, rng: np.random.Generator) -> Rows:
        first = rng.integers(0, len(self.known) - self.size + 1, n)
        low, high = self.known[first], self.known[first + self.size - 1]
        between = np.clip(low + (high - low) * rng.random(n, np.float32), low, high)
        drawn: Rows = np.where(rng.random(n) < self.missing, np.float32(0), between)[:, None]
        return drawn


@dataclass(frozen=True)
class _Codes:
    """Encoded categories or levels, float32 [V, w], and the share of rows of each."""

    encoded: Rows
    shares: npt.NDArray[np.float64]

    def draw(self, n: int, rng: np.random.Generator) -> Rows:
        drawn: Rows = self.encoded[rng.choice(len(self.shares), n, p=self.shares)]
        return drawn


def _values(kind: int, column: Rows, size: int) -> _Values:
    if kind < 0:
        choices = np.arange(-1, column.shape[1])
        # the category -1 is "missing": no column of the group
        encoded = (choices[:, None] == np.arange(column.shape[1])).astype(np.float32)
        return _codes(strongest(column) + 1, encoded, size)
    if kind > 0:
        levels = np.linspace(0, 1, kind, dtype=np.float32)[:, None]
        return _codes(np.rint(column[:, 0] * (kind - 1)).astype(np.intp), levels, size)
    return _numbers(column[:, 0], size)


def _codes(codes: npt.NDArray[np.intp], encoded: Rows, size: int) -> _Values:
    """Where no code has `size` rows, nothing is said: no category, or the lowest level."""
    counts = np.bincount(codes, minlength=len(encoded))
    common = np.flatnonzero(counts >= size)
    if not len(common):
        return _nothing(encoded.shape[1])
    return _Codes(encoded[common], counts[common] / counts[common].sum())


def _nothing(width: int) -> _Codes:
    """0 in all columns, which is how a missing value is encoded."""
    return _Codes(np.zeros((1, width), np.float32), np.ones(1))


def _numbers(column: Floats, size: int) -> _Values:
    """0 is what is missing, so no value is drawn between it and a known one."""
    known = np.sort(column[column != 0])
    if len(known) < size:
        return _nothing(1)
    missing = len(column) - len(known)
    inner = _without_ends(known, size)
    share = missing / len(column) if missing >= size else 0.0
    return _Numbers(inner, share, min(size, len(inner)))


def _without_ends(known: Floats, size: int) -> Floats:
    """Leave out what lies beyond the `size` lowest and the `size` highest values.

    A hostile teacher can see to it that one patient alone has the highest value; were it
    ever reached for, a row above all others would say that the patient is there.
    """
    ends = min(size, len(known) // 2)
    return known[ends - 1 : len(known) - ends + 1]
