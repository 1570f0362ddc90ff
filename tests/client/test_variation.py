"""Which pixels may move."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grandrounds_client.variation import movable_columns
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Continuous, Image


def layout(move: float = 0.5, shape: tuple[int, int] = (2, 3)) -> Layout:
    return Layout((Image(kind="image", name="scan", shape=(*shape, 1), move=move),))


def test_the_half_that_varies_most_within_the_class_may_move() -> None:
    x = np.zeros((4, 6), np.float32)
    x[::2, 1], x[::2, 4], x[::2, 5], x[::2, 0] = 1.0, 0.5, 0.3, 0.1
    assert movable_columns(x, layout()).tolist() == [False, True, False, False, True, True]


def test_where_columns_tie_the_first_may_move() -> None:
    x = np.zeros((4, 6), np.float32)
    assert np.flatnonzero(movable_columns(x, layout())).tolist() == [0, 1, 2]


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_tell_nothing_and_all_may_move(rows: int) -> None:
    assert movable_columns(np.zeros((rows, 6), np.float32), layout()).all()


def test_columns_of_other_features_may_always_move() -> None:
    age = Continuous(name="age", low=0, high=100)
    mixed = Layout((age, *layout().features))
    movable = movable_columns(np.zeros((3, 7), np.float32), mixed)
    assert movable.tolist() == [True, True, True, True, False, False, False]


@given(
    move=st.floats(0.001, 1),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_exactly_the_agreed_share_may_move_and_no_still_column_varies_more(
    move: float, height: int, width: int, seed: int
) -> None:
    x = np.random.default_rng(seed).random((5, height * width), dtype=np.float32)
    movable = movable_columns(x, layout(move, (height, width)))
    assert movable.sum() == max(1, round(move * height * width))
    variance = x.var(axis=0, dtype=np.float64)
    assert variance[movable].min() >= variance[~movable].max(initial=0)
