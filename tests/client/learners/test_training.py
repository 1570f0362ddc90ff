"""Rows made ready for fitting."""

import numpy as np
import pytest

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.learners.training import Training, prepare
from grandrounds_protocol.errors import BadInput

X = np.linspace(0, 1, 8, dtype=np.float32).reshape(4, 2)
Y = np.array([2, 0, 0, 0], dtype=np.int32)


def ready(
    x: Rows = X, y: Labels = Y, weight: Floats | None = None, *, balanced: bool = True
) -> Training:
    return prepare(x, y, classes=3, weight=weight, balanced=balanced)


def test_classes_that_occur_are_counted_from_zero() -> None:
    rows = ready()
    assert rows.present.tolist() == [0, 2]
    assert rows.y.tolist() == [1, 0, 0, 0]


def test_balanced_classes_weigh_the_same_and_the_total_stays() -> None:
    np.testing.assert_allclose(ready().weight, [2, 2 / 3, 2 / 3, 2 / 3])
    np.testing.assert_allclose(ready(balanced=False).weight, 1)


def test_balancing_keeps_the_proportions_within_a_class() -> None:
    weight = ready(weight=np.array([5, 1, 2, 3], dtype=np.float32)).weight
    np.testing.assert_allclose(weight / weight[1], [6, 1, 2, 3])


def test_rows_without_weight_are_left_out() -> None:
    rows = ready(weight=np.array([1, 0, 1, 0], dtype=np.float32))
    np.testing.assert_array_equal(rows.x, X[[0, 2]])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"y": np.zeros(4, dtype=np.int32)}, "fewer than two classes"),
        ({"weight": np.array([0, 1, 1, 1], dtype=np.float32)}, "fewer than two classes"),
        ({"x": X[:0], "y": Y[:0]}, "fewer than two classes"),
        ({"x": X[:3]}, "do not fit together"),
        ({"x": X[:, :0]}, "do not fit together"),
        ({"weight": np.ones(3, dtype=np.float32)}, "do not fit together"),
        ({"x": np.where(X > 0.9, np.nan, X)}, "finite"),
        ({"weight": np.array([1, 1, 1, -1], dtype=np.float32)}, "finite"),
        ({"y": np.array([3, 0, 0, 0], dtype=np.int32)}, "class indices"),
        ({"y": np.array([-1, 0, 0, 0], dtype=np.int32)}, "class indices"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_bad_input(
    changes: dict[str, Rows], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        ready(**changes)  # type: ignore[arg-type]
