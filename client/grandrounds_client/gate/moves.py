"""Moves of a row away from an own row: feature by feature, in the values a record can hold."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.gate.alike import raw_features, strongest
from grandrounds_client.gate.house import House

SLACK = 1e-3
"""How much farther than needed: distances are float32 sums."""


@dataclass(frozen=True)
class Need:
    """What n rows lack: distance to an own row, and features that differ from its.

    Attributes
    ----------
    other : float32 [n, d]
        The own row, on own columns.
    distance : float [n]
    features : int [n]
        Both 0 where nothing is lacking.
    """

    other: Rows
    distance: npt.NDArray[np.float64]
    features: npt.NDArray[np.intp]

    @classmethod
    def of(cls, rows: Rows, by: npt.NDArray[np.intp], house: House) -> "Need":
        """Tell what rows, float32 [n, d], lack against the own rows `by`."""
        other = house.own[by]
        distance = np.abs(rows - other).sum(axis=1, dtype=np.float64)
        equal = (house.raw.codes(rows) == house.raw.codes(other)).sum(axis=1)
        return cls(
            other,
            np.maximum(house.radius + SLACK - distance, 0),
            np.maximum(equal - house.alike, 0),
        )


def propose(
    rows: Rows, need: Need, movable: Mask, house: House, proposals: int, rng: np.random.Generator
) -> Rows:
    """Draw rows that stand far enough from the own row that each was too much like.

    Features are taken in an order of their own for each proposal, and moved away from the
    own row until distance and differing features suffice, or no feature is left.

    Parameters
    ----------
    rows : float32 [n, d]
    need : Need
    movable : bool [d]
    house : House
    proposals : int
    rng : numpy Generator

    Returns
    -------
    float32 [n, P, d]
    """
    drawn = np.repeat(rows[:, None], proposals, axis=1)
    moves = list(_moves(drawn, need.other[:, None], movable, house, rng))
    if not moves:
        return drawn
    gains = np.stack([move.gain for move in moves], axis=2)
    differ = np.stack([move.differs for move in moves], axis=2)
    order = rng.random(gains.shape).argsort(axis=2)
    gain = np.take_along_axis(gains, order, axis=2)
    differs = np.take_along_axis(differ, order, axis=2)
    farther = (gain > 0) & (_before(gain) < need.distance[:, None, None])
    other = differs & (_before(differs) < need.features[:, None, None])
    taken = np.empty(gains.shape, np.bool_)
    np.put_along_axis(taken, order, farther | other, axis=2)
    for at, move in enumerate(moves):
        drawn[:, :, move.part] = np.where(taken[:, :, at, None], move.value, drawn[:, :, move.part])
    return drawn


@dataclass(frozen=True)
class _Move:
    """New values of one feature.

    Attributes
    ----------
    value : float32 [n, P, w]
    gain : float32 [n, P]
        What they add to the distance; 0 where the move leads nowhere.
    differs : bool [n, P]
        Whether the feature was equal and no longer is.
    """

    part: slice
    value: Rows
    gain: Floats
    differs: Mask


def _moves(
    drawn: Rows, other: Rows, movable: Mask, house: House, rng: np.random.Generator
) -> Iterator[_Move]:
    features = list(raw_features(house.columns, house.layout))
    for (kind, part), resolution in zip(features, house.raw.resolutions, strict=True):
        if not movable[part].all():
            continue
        now, theirs = drawn[:, :, part], other[:, :, part]
        if kind < 0:
            value = _category(now.shape, rng)
            was_equal = strongest(now) == strongest(theirs)
            differs = was_equal & (strongest(value) != strongest(theirs))
        else:
            value = _number(now, theirs, rng) if kind == 0 else _level(now.shape, kind, rng)
            was_equal = np.abs(now - theirs)[:, :, 0] <= resolution
            differs = was_equal & (np.abs(value - theirs)[:, :, 0] > resolution)
        gain = (np.abs(value - theirs) - np.abs(now - theirs)).sum(axis=2)
        gain[gain < SLACK] = 0
        yield _Move(part, value, gain, differs & (gain > 0))


def _number(now: Rows, theirs: Rows, rng: np.random.Generator) -> Rows:
    """Draw a number on the far side; on either side where the two are equal."""
    either = np.where(rng.random(now.shape) < 0.5, -1, 1)
    side = np.where(now == theirs, either, np.sign(now - theirs)).astype(np.float32)
    room = np.where(side > 0, 1 - now, now)
    value: Rows = np.clip(now + side * room * rng.random(now.shape, np.float32), 0, 1)
    return value


def _level(shape: tuple[int, ...], levels: int, rng: np.random.Generator) -> Rows:
    drawn: Rows = (rng.integers(0, levels, shape) / (levels - 1)).astype(np.float32)
    return drawn


def _category(shape: tuple[int, ...], rng: np.random.Generator) -> Rows:
    drawn: Rows = np.eye(shape[2], dtype=np.float32)[rng.integers(0, shape[2], shape[:2])]
    return drawn


def _before(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Sum of all earlier values along the last axis."""
    wide = values.astype(np.float64)
    return wide.cumsum(axis=2) - wide
