"""Many classes: y' fixes every probability, not only that of the class that is taught."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from grandrounds_client.counterfactuals import balance as module
from grandrounds_client.counterfactuals import find
from grandrounds_client.counterfactuals import linear as engine
from grandrounds_client.counterfactuals.adam import adam
from grandrounds_client.counterfactuals.balance import balance
from grandrounds_client.counterfactuals.problem import Problem, Solution
from grandrounds_client.teacher import Teacher
from tests.client.counterfactuals.toy_teachers import from_torch

WIDTH, CLASSES, EPSILON = 40, 6, 0.05


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Return a net that is sure of one class nearly everywhere."""
    generator = torch.Generator().manual_seed(4)
    drawn = nn.Sequential(
        nn.Linear(WIDTH, 30), nn.ReLU(), nn.Linear(30, CLASSES), nn.Softmax(dim=1)
    )
    for parameter in drawn.parameters():
        nn.init.normal_(parameter, std=0.7, generator=generator)
    return drawn.requires_grad_(requires_grad=False)


def rows(n: int) -> Tensor:
    return torch.rand(n, WIDTH, generator=torch.Generator().manual_seed(5))


def test_few_rows_of_many_classes_need_a_second_opinion(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0

    def count(teacher: Teacher, problem: Problem, rng: np.random.Generator) -> Solution:
        nonlocal left
        left = len(problem)
        return adam(teacher, problem, rng)

    monkeypatch.setattr(engine, "adam", count)
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, 200).astype(np.int32)
    teacher = from_torch(network, WIDTH, CLASSES)
    found = find(teacher, rows(200).numpy(), y, rng=rng, engine="linear")
    assert found.converged.mean() > 0.98
    assert left < 20


def test_every_leading_probability_arrives_and_what_may_not_move_stays(network: nn.Module) -> None:
    seed = rows(50)
    movable = torch.ones(WIDTH, dtype=torch.bool)
    movable[::4] = False
    near = (seed + 0.2 * (rows(100)[50:] - 0.5) * movable).clamp(0, 1)
    target = network(near)
    moved, gap = balance(network, seed, seed, target, movable, EPSILON)
    assert (gap <= EPSILON).float().mean() > 0.9
    torch.testing.assert_close(torch.linalg.vector_norm(network(moved) - target, dim=1), gap)
    assert torch.equal(moved[:, ~movable], seed[:, ~movable])
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_columns_that_moved_before_move_first(network: nn.Module) -> None:
    seed = rows(50)
    begun = seed.clone()
    begun[:, :20] = rows(100)[50:, :20]
    target = network((begun + 0.02 * (begun - seed)).clamp(0, 1))
    moved, gap = balance(network, seed, begun, target, torch.ones(WIDTH).bool(), 0.01)
    assert (gap <= 0.01).float().mean() > 0.9
    assert (moved == seed)[gap <= 0.01, 20:].float().mean() > 0.9


def test_a_row_that_is_home_stays_and_a_gap_never_grows(network: nn.Module) -> None:
    seed = rows(50)
    target = network(seed).roll(1, dims=0)
    target[:25] = network(seed[:25])
    before = torch.linalg.vector_norm(network(seed) - target, dim=1)
    moved, gap = balance(network, seed, seed, target, torch.ones(WIDTH).bool(), EPSILON)
    assert torch.equal(moved[:25], seed[:25])
    assert (gap <= before + 1e-6).all()


class Steep(nn.Module):
    """Slopes beyond what float32 can square."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x[:, :3] * 1e30, dim=1)


def test_slopes_out_of_range_break_nothing() -> None:
    seed = torch.full((1, WIDTH), 0.5)
    target = torch.tensor([[0.6, 0.2, 0.2]])
    moved, gap = balance(Steep(), seed, seed, target, torch.ones(WIDTH).bool(), EPSILON)
    assert moved.isfinite().all()
    assert gap.isfinite().all()


def test_no_step_goes_farther_than_the_slopes_may_hold(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEPS", 2)
    seed = rows(50)
    target = network(seed.flip(1))
    moved, _ = balance(network, seed, seed.roll(1, dims=0), target, torch.ones(WIDTH) > 0, EPSILON)
    step = (moved - seed.roll(1, dims=0)).abs().max()
    assert 0.1 < step <= module.REACH + 1e-6
