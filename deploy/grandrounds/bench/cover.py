"""What a set cover costs and keeps: the greedy one and the net, on rows that are made."""

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import numpy.typing as npt

from grandrounds.bench.rows import made
from grandrounds.bench.setting import SEED
from grandrounds_client.arrays import Rows
from grandrounds_client.cover import LIMIT, greedy
from grandrounds_client.net import net
from grandrounds_protocol.seeding import generator

RADII = (1.0, 2.0, 4.0)
"""Manhattan distances; one changed category is 2."""
_NUMBERS, _CATEGORIES, _VALUES = 35, 40, 6
"""As in `rows.car`: 275 columns."""
_VARIANTS, _MOVES = 20, 3

Cover = Callable[[Rows, float], npt.NDArray[np.intp]]


@dataclass(frozen=True)
class Covered:
    """One cover.

    Attributes
    ----------
    kind : str
        `apart`: rows drawn one by one; `clustered`: 20 of each, moved in up to three
        features; `fractional`: the same, but a moved category gets any share.
    method : str
        `greedy`, up to the product's limit, or `net`.
    seconds, cpu_seconds : float
        By the clock, and of processor over all threads.
    memory : int
        Bytes that numpy held at most, beyond the rows; buffers inside BLAS not counted.
    """

    kind: str
    method: str
    rows: int
    columns: int
    radius: float
    kept: int
    seconds: float
    cpu_seconds: float
    memory: int


def measure_cover(
    sizes: Sequence[int], note: Callable[[str], None], radii: Sequence[float] = RADII
) -> list[Covered]:
    """Cover so many rows of each kind, at each radius, by each method that takes them."""
    found = []
    for size in sizes:
        for kind, x in _kinds(size):
            for radius in radii:
                for method, choose in _methods(size):
                    note(f"{method} cover of {size:,} rows, {kind}, radius {radius:g}")
                    found.append(_measured(kind, method, choose, x, radius))
    return found


def _methods(size: int) -> Iterator[tuple[str, Cover]]:
    if size <= LIMIT:
        yield "greedy", greedy
    yield "net", net


def _measured(kind: str, method: str, choose: Cover, x: Rows, radius: float) -> Covered:
    tracemalloc.start()  # it sees arrays, which are few and large: it does not show in the time
    try:
        begun, cpu = perf_counter(), process_time()
        kept = choose(x, radius)
        seconds, cpu_seconds = perf_counter() - begun, process_time() - cpu
        _, memory = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    rows, columns = x.shape
    return Covered(kind, method, rows, columns, radius, len(kept), seconds, cpu_seconds, memory)


def _kinds(size: int) -> Iterator[tuple[str, Rows]]:
    yield "apart", _drawn(size)
    yield "clustered", _clustered(size, valid=True)
    yield "fractional", _clustered(size, valid=False)


def _drawn(rows: int) -> Rows:
    return made(rows=rows, continuous=_NUMBERS, categories=(_VALUES,) * _CATEGORIES)[0]


def _clustered(size: int, *, valid: bool) -> Rows:
    """As counterfactuals are: several of each row, moved in up to three features each."""
    rng = generator(SEED, "bench cover", size)
    seeds = _drawn(-(-size // _VARIANTS))
    x = np.tile(seeds, (_VARIANTS, 1))[:size]
    for _ in range(_MOVES):
        number = np.flatnonzero(rng.random(size) < 1 / 3)
        category = np.flatnonzero(rng.random(size) < 1 / 3)
        columns = rng.integers(_NUMBERS, size=len(number))
        x[number, columns] = np.clip(x[number, columns] + rng.normal(0, 0.25, len(number)), 0, 1)
        first = _NUMBERS + _VALUES * rng.integers(_CATEGORIES, size=len(category))
        value = rng.integers(_VALUES, size=len(category))
        if valid:
            x[category[:, None], first[:, None] + np.arange(_VALUES)] = 0
        x[category, first + value] = 1 if valid else rng.random(len(category))
    return x
