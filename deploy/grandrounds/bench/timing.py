"""One method, timed: a loop pair by pair, an engine on all pairs together."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from grandrounds.bench.asked import Asked, counted, floor
from grandrounds.bench.pairs import Pairs
from grandrounds.bench.quality import judge
from grandrounds.bench.records import Row
from grandrounds.bench.setting import ALPHA, EPSILON, SEED
from grandrounds.bench.workloads import Workload
from grandrounds_client.arrays import Rows
from grandrounds_client.counterfactuals import find
from grandrounds_client.counterfactuals.engines import choose
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.seeding import generator

Solve = Callable[[Pairs], Rows]
"""Solve a single pair."""
WARM = 16
"""Pairs solved before the clock starts."""
PATIENCE = 15.0
"""Seconds after which an engine is not repeated."""
BROAD = 100
"""Columns beyond which Adam gets as few pairs as a swarm, and swarms and DiCE no pairs."""


@dataclass(frozen=True)
class Size:
    """How many pairs each method gets, and how often an engine solves all of its own."""

    pairs: int = 500
    swarm: int = 100
    loop: int = 5
    repeats: int = 3

    def for_engine(self, name: str, teacher: Teacher) -> int:
        """Return how many pairs an engine gets: fewer where it would take minutes."""
        fast = name in {"exact", "linear", "adam"}
        if len(teacher.columns) > BROAD:
            fast = name in {"exact", "linear"}
        return self.pairs if fast else self.swarm


def timed_loop(method: str, solve: Solve, work: Workload, size: Size) -> Row:
    """Time a method that takes one pair at a time on the first few."""
    single = [work.pairs.rows(slice(at, at + 1)) for at in range(min(size.loop, len(work.pairs)))]
    solve(single[0])  # imports and caches
    seconds, moved = [], []
    for pair in single:
        begun = perf_counter()
        moved.append(solve(pair))
        seconds.append(perf_counter() - begun)
    return _row(method, work, np.concatenate(moved), seconds, size)


def timed_engine(method: str, work: Workload, size: Size) -> Row:
    """Time an engine on its pairs, and count what it asks of the teacher."""
    pairs = work.pairs.rows(slice(size.for_engine(method, work.teacher)))
    solved(method, work.teacher, pairs.rows(slice(WARM)))
    seconds: list[float] = []
    while len(seconds) < size.repeats and sum(seconds) * len(pairs) < PATIENCE:
        # an addition at each batch: counting does not show in the time
        teacher, asked = counted(work.teacher)
        begun = perf_counter()
        moved = solved(method, teacher, pairs)
        seconds.append((perf_counter() - begun) / len(pairs))
    return _row(method, work, moved, seconds, size, asked)


def solved(method: str, teacher: Teacher, pairs: Pairs) -> Rows:
    """Return what the product would: x' of all pairs, by the engine of that name."""
    rng = generator(SEED, "bench engine")
    return find(teacher, pairs.x, pairs.y, rng=rng, engine=method, alpha=ALPHA, epsilon=EPSILON).x


def _row(
    method: str,
    work: Workload,
    moved: Rows,
    seconds: list[float],
    size: Size,
    asked: Asked | None = None,
) -> Row:
    low, middle, high = (float(value) for value in np.quantile(seconds, [0.25, 0.5, 0.75]) * 1000)
    count = len(moved)
    fewer = sorted({size.loop, size.swarm} & set(range(count)))
    return Row(
        method=method,
        auto=method == choose("auto", work.teacher)[0],
        ms=middle,
        low=low,
        high=high,
        answers=None if asked is None else asked.answers / count,
        gradients=None if asked is None else asked.gradients / count,
        floor=None if asked is None else floor(work.teacher, work.pairs.x, asked) / count,
        quality=judge(work.teacher, work.pairs, moved),
        same=[judge(work.teacher, work.pairs, moved[:few]) for few in fewer],
    )
