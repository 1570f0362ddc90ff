"""Every row that is left out is near one that is kept."""

import tracemalloc

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grandrounds_client.arrays import Rows
from grandrounds_client.cover import cover, prune
from grandrounds_protocol.instances import VirtualInstances

rows_of = arrays.arrays(
    np.float32,
    st.tuples(st.integers(0, 30), st.integers(1, 4)),
    elements=st.floats(0, 1, width=32),
)
radii = st.floats(0, 3)


def distance(x: Rows) -> npt.NDArray[np.float64]:
    wide = x.astype(np.float64)
    return np.asarray(np.abs(wide[:, None] - wide[None]).sum(axis=2))


def greedy(x: Rows, radius: float) -> list[int]:
    """Cover the plain way: count anew before each choice."""
    near = distance(x) <= radius
    chosen: list[int] = []
    uncovered = np.ones(len(x), np.bool_)
    while uncovered.any():
        chosen.append(int((near & uncovered).sum(axis=1).argmax()))
        uncovered &= ~near[chosen[-1]]
    return sorted(chosen)


def instances(x: Rows, classes: int = 2) -> VirtualInstances:
    numbers = np.arange(len(x), dtype=np.int32)
    return VirtualInstances(x, numbers % classes, numbers)


@given(rows_of, radii)
def test_every_row_is_within_the_radius_of_a_kept_one(x: Rows, radius: float) -> None:
    kept = cover(x, radius)
    assert set(kept.tolist()) <= set(range(len(x)))
    if len(x):
        assert distance(x)[:, kept].min(axis=1).max() <= radius


@given(rows_of, radii)
def test_the_choice_is_the_greedy_one_and_the_same_each_time(x: Rows, radius: float) -> None:
    assert cover(x, radius).tolist() == greedy(x, radius) == cover(x, radius).tolist()


@given(rows_of)
def test_a_radius_of_zero_keeps_all(x: Rows) -> None:
    assert np.array_equal(prune(instances(x), 0.0).x, x)


@given(rows_of, st.floats(0.01, 3))
def test_each_class_is_covered_by_rows_of_its_own_in_the_old_order(x: Rows, radius: float) -> None:
    kept = prune(instances(x), radius)
    assert kept.teacher.tolist() == sorted(kept.teacher.tolist())
    assert np.array_equal(kept.x, x[kept.teacher])
    for label in (0, 1):
        members = x[label::2]
        of_class = set(kept.teacher[kept.y == label].tolist())
        assert {label + 2 * int(row) for row in cover(members, radius)} == of_class


def test_a_small_radius_leaves_rows_that_lie_apart_alone() -> None:
    x = np.random.default_rng(0).random((300, 64), dtype=np.float32)
    twice = np.concatenate([x, x])
    assert cover(x, 0.5).tolist() == list(range(300))
    assert cover(twice, 0.5).tolist() == list(range(300))


def test_memory_stays_far_below_a_number_per_pair() -> None:
    x = np.random.default_rng(0).random((3000, 8), dtype=np.float32)
    tracemalloc.start()
    cover(x, 1.0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3000 * 3000 * 3
