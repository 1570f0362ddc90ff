"""Rivals that give rows: what a student could do alone, and what rows themselves would teach."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from grandrounds.bench.learning.recipes import Recipe
from grandrounds.bench.learning.world import Lessons, World
from grandrounds_protocol.names import SiteName

Given = Mapping[SiteName, Lessons]


def levelled(world: World, rng: np.random.Generator) -> Given:
    """Own rows again, drawn from the smaller classes until all are as large as the largest."""
    return {name: _short(world.members[name].rows, rng) for name in world.students}


def _short(rows: Lessons, rng: np.random.Generator) -> Lessons:
    labels, counts = np.unique(rows.y, return_counts=True)
    drawn = [
        rng.choice(np.flatnonzero(rows.y == label), counts.max() - count)
        for label, count in zip(labels, counts, strict=True)
    ]
    return rows.take(np.concatenate(drawn))


ALPHA = 0.4
"""Of the Beta distribution of the shares: its authors recommend .1 to .4."""


def mixup(world: World, rng: np.random.Generator) -> Given:
    """As many rows as the student has, each between two own rows (Zhang et al. 2018).

    Labels are classes here and not mixtures: a row is of the class of the nearer of its two.
    """
    return {name: _mixed(world.members[name].rows, rng) for name in world.students}


def _mixed(rows: Lessons, rng: np.random.Generator) -> Lessons:
    one, other = rng.permutation(len(rows)), rng.permutation(len(rows))
    share = rng.beta(ALPHA, ALPHA, (len(rows), 1)).astype(np.float32)
    x = np.clip(share * rows.x[one] + (1 - share) * rows.x[other], 0, 1)
    return Lessons.of(x, np.where(share[:, 0] >= 0.5, rows.y[one], rows.y[other]))


def pooled(world: World, _rng: np.random.Generator) -> Given:
    """All training rows of all peers: not private, the yardstick.

    A student reads its own columns of them, and 0 where the peer lacks the feature.
    """
    return {name: _of_peers(world, name) for name in world.students}


def _of_peers(world: World, name: SiteName) -> Lessons:
    return Lessons.concatenate(
        [world.members[peer].rows for peer in world.peers(name)], world.width
    )


def as_many_peer_rows(world: World, rng: np.random.Generator, recipe: str) -> Given:
    """Peers' training rows drawn by chance, as many and as heavy as the recipe's."""
    lessons = Recipe(recipe)(world, rng)
    return {
        name: replace(
            _drawn(_of_peers(world, name), len(lessons[name]), rng), most=lessons[name].most
        )
        for name in world.students
    }


def _drawn(rows: Lessons, count: int, rng: np.random.Generator) -> Lessons:
    chosen: npt.NDArray[np.intp] = rng.permutation(len(rows))[:count]
    return rows.take(chosen)
