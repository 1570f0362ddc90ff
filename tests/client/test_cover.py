"""Every row that is left out is near one that is kept."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grandrounds_client import cover as module
from grandrounds_client.arrays import Rows
from grandrounds_client.cover import cover
from grandrounds_client.manhattan import Points, within
from grandrounds_client.net import net

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


@given(rows_of, radii)
def test_every_row_is_within_the_radius_of_a_kept_one(x: Rows, radius: float) -> None:
    kept = cover(x, radius)
    assert set(kept.tolist()) <= set(range(len(x)))
    if len(x):
        assert distance(x)[:, kept].min(axis=1).max() <= radius


@given(rows_of, radii)
def test_the_choice_is_the_greedy_one_and_the_same_each_time(x: Rows, radius: float) -> None:
    assert cover(x, radius).tolist() == greedy(x, radius) == cover(x, radius).tolist()


def test_a_small_radius_leaves_rows_that_lie_apart_alone() -> None:
    x = np.random.default_rng(0).random((300, 64), dtype=np.float32)
    twice = np.concatenate([x, x])
    assert cover(x, 0.5).tolist() == list(range(300))
    assert cover(twice, 0.5).tolist() == list(range(300))


def mixed(rows: int, seed: int = 0, fraction: float = 0.05) -> Rows:
    """Clusters of eight: 0/1 columns of which some turn fractional, and numbers."""
    rng = np.random.default_rng(seed)
    whole = rng.integers(2, size=(-(-rows // 8), 90))
    x = np.concatenate([whole, rng.random((len(whole), 10))], axis=1)
    x = np.repeat(x, 8, axis=0)[:rows]
    moved = rng.random(x.shape) < fraction
    x[moved] = rng.choice([0.0, 0.25, 1.0, 0.3, 0.7], moved.sum())
    return x.astype(np.float32)


@pytest.mark.parametrize("x", [mixed(400), np.rint(mixed(400)), mixed(400)[:, 90:]])
@pytest.mark.parametrize("radius", [0.0, 0.5, 2.0, 3.5, 5.0, 30.0, 1e300])
def test_near_is_what_the_plain_sum_says_whatever_the_columns(x: Rows, radius: float) -> None:
    near = within(Points.of(x), Points.of(x), radius)
    assert np.array_equal(near, near.T)
    # sums in another order differ in the last digits only
    assert near[distance(x) <= radius * (1 - 1e-12)].all()
    assert not near[distance(x) > radius * (1 + 1e-12)].any()


def test_a_pair_at_exactly_the_radius_is_near_and_one_beyond_it_is_not() -> None:
    x = np.zeros((5, 80), np.float32)
    x[1, :3] = 1  # at 3
    x[2, :2], x[2, 70:74] = 1, 0.25  # at 3
    x[3, :3], x[3, 79] = 1, 1e-9  # beyond, by less than float32 can say
    x[4, :2], x[4, 70:74] = 1, np.nextafter(np.float32(0.25), np.float32(1))
    assert within(Points.of(x), Points.of(x), 3.0)[0].tolist() == [True, True, True, False, False]
    assert (
        within(Points.of(x), Points.of(x), np.nextafter(3, 0))[0].tolist() == [True] + [False] * 4
    )
    whole = Points.of(x[:2])
    assert within(whole, whole, 3.0).all()
    assert not within(whole, whole, np.nextafter(3, 0))[0, 1]
    fine = Points.of(np.array([[0.5], [1e-9]], np.float32))
    assert within(fine, fine, 0.5 - 5e-10).all()
    assert not within(fine, fine, 0.5 - 2e-9)[0, 1]


@given(rows_of.filter(len), radii)
def test_a_net_covers_every_row_and_no_two_of_it_are_near(x: Rows, radius: float) -> None:
    kept = net(x, radius)
    assert kept.tolist() == sorted(set(kept.tolist())) == net(x, radius).tolist()
    far = distance(x)[:, kept]
    assert far.min(axis=1).max() <= radius
    assert ((far <= radius).sum(axis=1)[kept] == 1).all()


@pytest.mark.parametrize("radius", [0.5, 3.0, 8.0])
def test_a_net_of_many_blocks_covers_with_hardly_more_rows_than_greedy(radius: float) -> None:
    x = mixed(6000, fraction=0.02)
    kept = net(x, radius)
    points = Points.of(x)
    assert within(points, points.take(kept), radius).any(axis=1).all()
    assert len(kept) <= 1.05 * len(module.greedy(x, radius))


def test_beyond_the_limit_the_cover_is_a_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 3)
    x = np.array([[0.0], [0.1], [0.2], [0.9]], np.float32)
    monkeypatch.setattr(module, "net", lambda rows, _: np.arange(len(rows)))
    assert cover(x[:3], 0.15).tolist() == [1]
    assert cover(x, 0.15).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("choose", [module.greedy, net])
def test_memory_stays_far_below_a_number_per_pair(choose: Callable[[Rows, float], object]) -> None:
    x = np.random.default_rng(0).random((3000, 8), dtype=np.float32)
    tracemalloc.start()
    choose(x, 1.0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3000 * 3000 * 3
