"""Figures, and when there is none."""

import numpy as np
import pytest

from grandrounds_client.metrics import evaluate


def test_balanced_accuracy_does_not_reward_a_constant() -> None:
    y = np.array([1] * 9 + [0], np.int32)
    constant = np.tile(np.array([[0.1, 0.9]], np.float32), (10, 1))
    found = evaluate(constant, y)
    assert found.accuracy == pytest.approx(0.9)
    assert found.balanced_accuracy == pytest.approx(0.5)
    assert found.auc == pytest.approx(0.5)
    assert found.n == 10


def test_one_class_leaves_balanced_accuracy_and_auc_undefined() -> None:
    found = evaluate(np.array([[0.2, 0.8]], np.float32), np.array([1], np.int32))
    assert (found.accuracy, found.balanced_accuracy, found.auc) == (1, None, None)


def test_no_rows_leave_everything_undefined() -> None:
    found = evaluate(np.zeros((0, 2), np.float32), np.zeros(0, np.int32))
    assert (found.accuracy, found.n) == (None, 0)


def test_a_class_that_never_occurs_does_not_count() -> None:
    perfect = np.eye(3, dtype=np.float32)[[0, 2]]
    found = evaluate(perfect, np.array([0, 2], np.int32))
    assert (found.balanced_accuracy, found.auc) == (1, 1)
