"""A hostile peer's model that gives one patient's lesson a value that no other lesson has.

The peer guesses one record. Its model is surest of the record's class where three numbers have
one value: a lit beacon, which its lessons move to. In a tiny region around the guess the
beacon's value is a little higher than everywhere else. So one lesson has the highest value of
all if the guess is among the site's training rows, and none has it otherwise. An accomplice is
wrong on the class, so that the lessons are written for it.

Unlike `crafted`, which asks about all rows with one model, this asks about one row at a time:
the lesson is one of many of its class, and no small cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx

from grandrounds.bench.leakage.crafted import HALF, taught
from grandrounds.bench.leakage.told import Trial
from grandrounds.privacy.parts import HELD_OUT, TRAINED, membership
from grandrounds_client.arrays import Columns, Mask, Probabilities, Rows
from grandrounds_client.gate.alike import raw_features
from grandrounds_client.learners.network import network
from grandrounds_client.learners.tree_nodes import WrittenTree, ensemble_node
from grandrounds_client.site import Site
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.schema import Rules

GUESSES = 8
"""Records guessed of those trained on, and as many of those held out: each is a run of its own."""
NUMBERS = 3
STEP = 2.0**-18
"""Width of a beacon."""
_USUAL, _OWN = 0.5, 0.5 + 2 * STEP
"""Where the beacon of the others begins, and that of the guess."""
_DIM, _LIT = 0.6, 0.8
_FEWEST = 25
"""Rows of the guess's class that are left where another class is said aside."""
_MORE = 1.2
"""Rows of the others for each of them, so that chance in the split makes them no fewer."""

Bound = float | npt.NDArray[np.float64]


class Aside(NamedTuple):
    """A part of the space where the model says another class: own column, bound, whether above."""

    column: int
    bound: float
    above: bool


def ask(site: Site, rules: Rules, members: Sequence[str], rng: np.random.Generator) -> Trial | None:
    """Ask a site about some rows of its file, half of them trained on; score: numbers that are lit.

    Parameters
    ----------
    site : Site
        Its store is left alone.
    rules : Rules
    members : sequence of str
        Of the federation; the first two others are hostile.
    rng : numpy Generator
        Chooses the guesses, among rows that stand in the file once.

    Returns
    -------
    Trial or None
        None where there are fewer than two peers, three numbers, or rows to guess.
    """
    peers = [name for name in members if name != site.name][:2]
    numbers = _numbers(site)
    guesses = _guesses(site, rules, rng)
    if len(peers) < 2 or len(numbers) < NUMBERS or not len(guesses):
        return None
    scores = np.zeros(len(guesses))
    for at, guess in enumerate(guesses):
        model = Beacon.of(site, int(guess), numbers[:NUMBERS])
        nobody = replace(model, target=model.target + 9, label=model.other, aside=None)
        models = {peers[0]: model, peers[1]: nobody}
        scores[at] = model.lit(taught(site, rules, members, models), site.columns)
    part = membership(site, rules)[guesses]
    return Trial(scores, part == TRAINED, site.rows.y[guesses])


def _numbers(site: Site) -> Columns:
    kinds = raw_features(site.columns, site.layout)
    return np.array([part.start for kind, part in kinds if kind == 0], np.int64)


def _guesses(site: Site, rules: Rules, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    own = site.rows.x[:, site.columns]
    _, group, times = np.unique(own, axis=0, return_inverse=True, return_counts=True)
    alone = times[group.reshape(-1)] == 1
    part = membership(site, rules)
    chosen = [np.flatnonzero((part == wanted) & alone) for wanted in (TRAINED, HELD_OUT)]
    count = min(GUESSES, *map(len, chosen))
    return np.concatenate([rng.choice(rows, count, replace=False) for rows in chosen])


@dataclass(frozen=True)
class Beacon:
    """A tree that says one class everywhere but aside, and more surely where a beacon is lit.

    Attributes
    ----------
    target : float32 [d]
        The guess, on the site's own columns.
    label, other : int
        Its class, and another one.
    numbers : int64 [3]
        Columns of the beacon, among those d; the region is narrow in all others.
    aside : Aside or None
        Where the other class is said.
    classes : int
    """

    target: Rows
    label: int
    other: int
    numbers: Columns
    aside: Aside | None
    classes: int

    @classmethod
    def of(cls, site: Site, guess: int, numbers: Columns) -> "Beacon":
        """Return the model that asks about one row of a site's file."""
        label = int(site.rows.y[guess])
        other = (label + 1) % site.classes
        target = site.rows.x[guess, site.columns]
        return cls(target, label, other, numbers, _aside(site, label, numbers), site.classes)

    def lit(self, lessons: VirtualInstances, columns: Columns) -> int:
        """Count numbers, in lessons of the class, above the beacon of all others.

        One number is enough: a gate may draw each by itself.
        """
        values = lessons.x[lessons.y == self.label][:, columns[self.numbers]]
        return int(_inside(values.reshape(-1, 1), _USUAL + STEP, _OWN + STEP).sum())

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, d]."""
        rest = np.setdiff1d(np.arange(len(self.target)), self.numbers)
        near = _inside(x[:, rest], *_around(self.target[rest]))
        low = np.where(near, _OWN, _USUAL)[:, None]
        lit = _inside(x[:, self.numbers], low, low + STEP)
        said = np.where(lit[:, None], self._leaf(_LIT, self.label), self._leaf(_DIM, self.label))
        if self.aside is not None:
            high = x[:, self.aside.column] > np.float32(self.aside.bound)
            apart = ~near & (high == self.aside.above)
            said[apart] = self._leaf(_DIM, self.other)
        return said

    def to_onnx(self) -> onnx.ModelProto:
        """Return one tree."""
        rest = np.setdiff1d(np.arange(len(self.target)), self.numbers)
        low, high = _around(self.target[rest])
        node = self._box(self.numbers, _USUAL, _USUAL + STEP)
        if self.aside is not None:
            column, bound, above = self.aside
            apart = self._leaf(_DIM, self.other)
            node = _Split(column, bound, *((node, apart) if above else (apart, node)))
        inside: _Node = self._box(self.numbers, _OWN, _OWN + STEP)
        for column, below, above in zip(rest, low, high, strict=True):
            inside = _Split(int(column), above, _Split(int(column), below, node, inside), node)
        tree = _written(inside, self.classes)
        return network([ensemble_node([tree])], {}, columns=len(self.target), classes=self.classes)

    def _box(self, columns: Columns, low: float, high: float) -> "_Node":
        """Return the part of a tree that is lit where each column is between two bounds."""
        node: _Node = self._leaf(_LIT, self.label)
        dim = self._leaf(_DIM, self.label)
        for column in columns.tolist():
            node = _Split(column, high, _Split(column, low, dim, node), dim)
        return node

    def _leaf(self, probability: float, label: int) -> Probabilities:
        scores = np.full(self.classes, (1 - probability) / (self.classes - 1), np.float32)
        scores[label] = probability
        return scores


def _around(target: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return target.astype(np.float64) - HALF, target.astype(np.float64) + HALF


def _inside(x: Rows, low: Bound, high: Bound) -> Mask:
    """Whether all numbers of a row are above one bound and not above another, as trees compare."""
    below, above = (np.asarray(bound, np.float32) for bound in (low, high))
    inside: Mask = np.all((x > below) & (x <= above), axis=1)
    return inside


def _aside(site: Site, label: int, numbers: Columns) -> Aside | None:
    """Return where to say another class, so that the model is right on more of the others.

    A recipe that levels classes then leaves no row of the guess's class out. Of all cuts in
    quarters of a column the one that keeps most rows of that class.
    """
    own = site.rows.x[:, site.columns]
    label_rows: Mask = site.rows.y == label
    best, most = None, _FEWEST - 1
    for column in np.setdiff1d(np.arange(own.shape[1]), numbers).tolist():
        for bound in (0.25, 0.5, 0.75):
            for above in (False, True):
                apart = (own[:, column] > bound) == above
                kept, others = np.sum(label_rows & ~apart), np.sum(~label_rows & apart)
                if kept > most and others >= _MORE * kept:
                    best, most = Aside(column, bound, above), int(kept)
    return best


class _Split(NamedTuple):
    """Below a bound or at it, and above."""

    column: int
    bound: float
    below: "_Node"
    above: "_Node"


_Node = _Split | Probabilities


def _written(root: _Node, classes: int) -> WrittenTree:
    rows: list[tuple[int, float, int, int, Probabilities]] = []

    def write(node: _Node) -> int:
        at = len(rows)
        if not isinstance(node, _Split):
            rows.append((-1, 0.0, 0, 0, node))
            return at
        rows.append((node.column, node.bound, 0, 0, np.zeros(classes, np.float32)))
        below, above = write(node.below), write(node.above)
        rows[at] = (node.column, node.bound, below, above, rows[at][4])
        return at

    write(root)
    column, bound, below, above, scores = zip(*rows, strict=True)
    feature = np.array(column, np.int64)
    return WrittenTree(
        left=np.array(below, np.int64),
        right=np.array(above, np.int64),
        feature=feature,
        threshold=np.array(bound),
        leaf=feature < 0,
        scores=np.stack(scores),
    )
