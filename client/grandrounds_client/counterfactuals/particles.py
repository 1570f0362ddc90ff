"""Where a swarm starts: the seed, rows that already look right, and crosses of the two."""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.counterfactuals.problem import Problem
from grandrounds_client.teacher import Teacher

POOL = 512
"""Rows that may lend columns: of the same batch, and uniform draws where it is smaller."""
WEIGHTS = (64.0, 65536.0)
"""Lambdas by which lenders are ranked: a fair price, and the target at any price."""
SPARSE = 3
"""Columns a random perturbation changes, on average."""
HOMING = 0.2
"""Chance of a column to jump back to the seed at each move."""


class Pool:
    """Rows with known predictions, from which particles take columns.

    Parameters
    ----------
    teacher : Teacher
    problem : Problem
        Its seeds lend columns to each other.
    rng : numpy.random.Generator
    """

    def __init__(self, teacher: Teacher, problem: Problem, rng: np.random.Generator) -> None:
        chosen = rng.permutation(len(problem))[:POOL]
        drawn = rng.random((POOL - len(chosen), problem.x.shape[1]), dtype=np.float32)
        self._x = np.concatenate([problem.x[chosen], drawn])
        self._x[:, ~problem.movable] = 0
        self._probabilities = teacher.predict_proba(self._x)

    def lenders(self, problem: Problem, count: int) -> Rows:
        """Return the rows that would be best as they are, float32 [n, count, D]."""
        gap = np.zeros((len(problem), POOL), dtype=np.float32)
        for wanted, offered in zip(problem.target.T, self._probabilities.T, strict=True):
            gap += (wanted[:, None] - offered) ** 2
        distance = np.zeros_like(gap)
        for column in np.flatnonzero(problem.movable):
            distance += np.abs(problem.x[:, column, None] - self._x[:, column])
        each = -(-count // len(WEIGHTS))
        best = [_lowest(distance + np.float32(weight) * gap, each) for weight in WEIGHTS]
        return self._x[np.stack(best, axis=2).reshape(len(problem), -1)[:, :count]]


def _lowest(cost: Floats, count: int) -> npt.NDArray[np.intp]:
    """Columns of the lowest costs of each row, in order, int [n, count]."""
    best = np.argpartition(cost, count, axis=1)[:, :count]
    order = np.take_along_axis(cost, best, axis=1).argsort(axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def start(pool: Pool, problem: Problem, particles: int, rng: np.random.Generator) -> Rows:
    """Return first positions, float32 [n, P, D]: half crosses, a quarter each whole and random.

    Particle 0 is the seed itself, so that no answer can be worse than it.
    """
    whole, crossed = particles // 4, particles // 2
    position = np.repeat(problem.x[:, None], particles, axis=1)
    lenders = pool.lenders(problem, whole)
    width = problem.x.shape[1]
    taken = _columns(rng, (len(problem), crossed, width), rng.random((crossed, 1)))
    share = rng.choice(np.array([0.5, 1, 1], dtype=np.float32), (len(problem), crossed, 1))
    lent = lenders[:, np.arange(crossed) % whole]
    x = problem.x[:, None]
    position[:, 1 : 1 + whole] = lenders
    position[:, 1 + whole : 1 + whole + crossed] = np.where(taken, x + share * (lent - x), x)
    rest = position[:, 1 + whole + crossed :]
    changed = _columns(rng, rest.shape, min(1.0, SPARSE / max(1, problem.movable.sum())))
    rest[changed] = rng.random(int(changed.sum()), dtype=np.float32)
    return np.where(problem.movable, position, x)


def home(position: Rows, seeds: Rows, rng: np.random.Generator) -> Rows:
    """Send some columns of every particle back to its seed, [n * P, D].

    A swarm's moves are sums of differences and touch ever more columns; an answer that is
    near in Manhattan distance changes few.
    """
    return np.where(_columns(rng, position.shape, HOMING), seeds, position)


def _columns(
    rng: np.random.Generator, shape: tuple[int, ...], share: float | npt.NDArray[np.float64]
) -> Mask:
    drawn: Mask = rng.random(shape, dtype=np.float32) < share
    return drawn
