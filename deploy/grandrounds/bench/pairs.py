"""The instances of CKD eq. 2 that every method gets: which (seed, class) miss their target."""

from dataclasses import dataclass

import numpy as np

from grandrounds.bench.setting import ALPHA, EPSILON, SEED
from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.counterfactuals import gaps, target
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.seeding import generator


@dataclass(frozen=True)
class Pairs:
    """Instances, drawn once.

    Attributes
    ----------
    x : float32 [N, D]
    y : int32 [N]
    target : float32 [N, C]
        y'; any method that is given x and y has to aim at it.
    enough : float32 [N]
        The gap that counts as converged: epsilon, or where no leaf of a single tree
        comes that near, the gap of its nearest.
    """

    x: Rows
    y: Labels
    target: Probabilities
    enough: Floats

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, part: slice) -> "Pairs":
        """Return some of them."""
        return Pairs(self.x[part], self.y[part], self.target[part], self.enough[part])


def missing(teacher: Teacher, x: Rows, y: Labels | None, count: int) -> Pairs:
    """Draw pairs whose seed is farther from y' than it need be.

    Parameters
    ----------
    y : int32 [N] or None
        Where given, only lessons as CKD writes them: a row's own class, and only where the
        teacher is right about it. Else any row with any class, most of which are harder.
    """
    start = teacher.predict_proba(x)
    row, every = np.indices(start.shape).reshape(2, -1)
    label = every.astype(np.int32)
    if y is not None:
        row = np.flatnonzero(start.argmax(axis=1) == y)
        label = y[row]
    wanted = target(start[row], label, ALPHA)
    enough = _enough(teacher, wanted)
    far = np.flatnonzero(gaps(start[row], wanted) > enough)
    chosen = generator(SEED, "bench pairs").permutation(far)[:count]
    seeds = np.ascontiguousarray(x[row[chosen]])
    return Pairs(seeds, label[chosen], wanted[chosen], enough[chosen])


def _enough(teacher: Teacher, wanted: Probabilities) -> Floats:
    enough = np.full(len(wanted), EPSILON, dtype=np.float32)
    if teacher.leaves is not None:
        for at in range(0, len(wanted), 1024):
            part = slice(at, at + 1024)
            every = gaps(teacher.leaves.probabilities[None], wanted[part, None])
            # a digit of float32: the same leaf, asked in another way
            enough[part] = np.maximum(enough[part], every.min(axis=1) + 1e-6)
    return enough
