"""Adam against the closed form of a logistic teacher, and on teachers without a slope."""

import numpy as np
import torch

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.counterfactuals import Problem, find, gaps, objective, target
from grandrounds_client.counterfactuals.adam import adam
from grandrounds_client.teacher import Teacher
from tests.client.counterfactuals.toy_teachers import from_torch, linear


def logistic(weight: Floats, bias: float) -> Teacher:
    network = torch.nn.Sequential(
        linear(np.stack([0 * weight, weight]), np.array([0, bias])), torch.nn.Softmax(dim=1)
    )
    return from_torch(network, len(weight))


def best_by_hand(weight: Floats, bias: float, seed: Rows, wanted: float, lam: float) -> float:
    """Spend a length on the steepest columns first; scan all lengths and both directions."""
    best = np.inf
    for sign in (-1, 1):
        room = np.where(sign * weight > 0, 1 - seed, seed)
        order = np.argsort(-np.abs(weight))
        length = np.linspace(0, room.sum(), 20001)
        used = np.clip(length[:, None] - (np.cumsum(room[order]) - room[order]), 0, room[order])
        logit = seed @ weight + bias + sign * used @ np.abs(weight[order])
        gap2 = 2 * (1 / (1 + np.exp(-logit)) - wanted) ** 2
        best = min(best, (length + lam * gap2).min())
    return best


def test_it_reaches_the_closed_form_optimum_of_a_logistic_teacher() -> None:
    rng = np.random.default_rng(4)
    weight = rng.normal(size=12).astype(np.float32) * 3
    teacher = logistic(weight, 0.5)
    x = rng.random((40, 12), dtype=np.float32)
    start = teacher.predict_proba(x)
    wanted = target(start, rng.integers(0, 2, 40).astype(np.int32), 0.5)
    for lam in (4.0, 64.0):
        problem = Problem(x, start, wanted, np.ones(12, np.bool_), 0.01, lambdas=(lam,))
        found = adam(teacher, problem, rng).x
        reached = objective(
            np.abs(found - x).sum(axis=1), gaps(teacher.predict_proba(found), wanted), lam
        )
        best = np.array(
            [best_by_hand(weight, 0.5, *row, lam) for row in zip(x, wanted[:, 1], strict=True)]
        )
        assert (reached >= best - 1e-3).all()
        assert np.median(reached / best) < 1.02
        assert np.mean(reached / best) < 1.1


def test_columns_that_do_not_pay_stay_bit_identical() -> None:
    teacher = logistic(np.array([4, 0.5, 0, -0.2], np.float32), 0.0)
    x = np.random.default_rng(0).random((20, 4), dtype=np.float32) * np.float32(0.4)
    found = find(teacher, x, np.ones(20, np.int32), rng=np.random.default_rng(0))
    assert found.converged.all()
    assert np.array_equal(found.x[:, 1:], x[:, 1:])


def test_a_teacher_sure_of_the_wrong_class_is_moved_all_the_same() -> None:
    weight = np.array([60, -50, 10, 0, 5], np.float32)
    teacher = logistic(weight, 0.0)
    x = np.random.default_rng(1).random((60, 5), dtype=np.float32)
    wrong: Labels = (teacher.predict_proba(x)[:, 1] < 0.5).astype(np.int32)
    found = find(teacher, x, wrong, rng=np.random.default_rng(0))
    assert found.converged.mean() >= 0.95
    assert np.median((found.x != x).sum(axis=1)) <= 2


def test_three_classes_converge_too(rows: Rows) -> None:
    weight = np.random.default_rng(2).normal(size=(3, 25)) * 2
    network = torch.nn.Sequential(linear(weight, np.zeros(3)), torch.nn.Softmax(dim=1))
    teacher = from_torch(network, 25, classes=3)
    y = np.random.default_rng(3).integers(0, 3, 100).astype(np.int32)
    found = find(teacher, rows[:100], y, rng=np.random.default_rng(0))
    assert found.converged.mean() >= 0.95


def test_a_start_that_meets_the_target_is_not_lost_on_a_wide_steep_network() -> None:
    rng = np.random.default_rng(5)
    network = torch.nn.Sequential(
        linear(rng.normal(size=(16, 784)), np.zeros(16)),
        torch.nn.ReLU(),
        linear(rng.normal(size=(2, 16)), np.zeros(2)),
        torch.nn.Softmax(dim=1),
    )
    teacher, x = from_torch(network, 784), rng.random((60, 784), dtype=np.float32)
    y = rng.integers(0, 2, 60).astype(np.int32)
    assert find(teacher, x, y, rng=rng).converged.mean() >= 0.95
