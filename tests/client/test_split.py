"""One stratified split, in which no row is in two parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grandrounds_client.split import split


@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(0, 5))
def test_every_row_is_in_one_part_and_every_class_is_trained_on(
    classes: list[int], seed: int
) -> None:
    y = np.asarray(classes, np.int32)
    x = np.arange(len(y), dtype=np.float32)[:, None]
    parts = split(x, y, validation=0.2, held_out=0.3, rng=np.random.default_rng(seed))
    everything = [parts.train, parts.validation, parts.held_out]
    rows = np.concatenate([part.x[:, 0] for part in everything])
    assert sorted(rows.tolist()) == list(range(len(y)))
    assert set(parts.train.y.tolist()) == set(classes)


def test_the_shares_are_kept_in_each_class() -> None:
    y = np.repeat([0, 1], [70, 30]).astype(np.int32)
    x = np.zeros((100, 1), np.float32)
    parts = split(x, y, validation=0.2, held_out=0.3, rng=np.random.default_rng(0))
    assert [np.bincount(p.y).tolist() for p in (parts.train, parts.validation, parts.held_out)] == [
        [35, 15],
        [14, 6],
        [21, 9],
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_split_depends_on_the_seed_only(seed: int) -> None:
    y = np.repeat([0, 1], 20).astype(np.int32)
    x = np.arange(40, dtype=np.float32)[:, None]
    one, two = (
        split(x, y, validation=0.2, held_out=0.3, rng=np.random.default_rng(seed)) for _ in "ab"
    )
    assert one.held_out.x.tolist() == two.held_out.x.tolist()
    other = split(x, y, validation=0.2, held_out=0.3, rng=np.random.default_rng(seed + 9))
    assert one.held_out.x.tolist() != other.held_out.x.tolist()
