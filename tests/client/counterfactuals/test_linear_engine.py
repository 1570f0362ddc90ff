"""Successive linearisation: short ways, found with few gradients."""

import numpy as np
import pytest
import torch

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.counterfactuals import find
from grandrounds_client.counterfactuals import linear as engine
from grandrounds_client.teacher import Teacher
from tests.client.counterfactuals.toy_teachers import from_torch

RNG = np.random.default_rng(0)


def seeds(teacher: Teacher, n: int = 200) -> tuple[Rows, Labels]:
    x = RNG.random((n, 25), dtype=np.float32)
    return x, RNG.integers(0, teacher.classes, n).astype(np.int32)


@pytest.mark.parametrize("kind", ["logistic", "naive-bayes", "mlp"])
def test_the_way_is_no_longer_than_adams(teachers: dict[str, Teacher], kind: str) -> None:
    x, y = seeds(teachers[kind])
    lin, slow = (find(teachers[kind], x, y, rng=RNG, engine=name) for name in ("linear", "adam"))
    both = lin.converged & slow.converged & (lin.distance > 0)
    assert both.sum() > 50
    assert np.median(lin.distance[both] / slow.distance[both]) <= 1.05


def test_a_linear_teacher_is_solved_as_the_steepest_columns_say() -> None:
    slope = np.array([4.0, -2.0, 1.0], np.float32)

    def predict(x: Rows) -> Rows:
        return torch.softmax(view(torch.tensor(x)).log(), 1).numpy()

    class View(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            odds = (x - 0.5) @ torch.tensor(slope)
            return torch.stack([torch.sigmoid(-odds), torch.sigmoid(odds)], dim=1)

    view = View()
    teacher = Teacher("t", "linear", np.arange(3), 2, predict, differentiable=view)
    x = np.full((1, 3), 0.5, np.float32)
    found = find(teacher, x, np.array([1], np.int32), rng=RNG, engine="linear")
    # from 0.5 to an epsilon short of 0.75, by the steepest column alone
    assert found.converged.all()
    assert found.x[0, 1:].tolist() == [0.5, 0.5]
    assert 0.5 + np.log(0.75 / 0.25) / 4 > found.x[0, 0] > 0.5 + np.log(0.70 / 0.30) / 4


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every call for slopes adds its number of rows."""
    asked: list[int] = []
    ask = engine._ask

    def counting(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        asked.append(len(arguments[1]))
        return ask(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_ask", counting)
    return asked


def test_a_handful_of_gradients_do(
    teachers: dict[str, Teacher], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(monkeypatch)
    x, y = seeds(teachers["mlp"])
    far = find(teachers["mlp"], x, y, rng=RNG, engine="linear").distance > 0
    assert sum(asked) / far.sum() < 5


class Saturating(torch.nn.Module):
    """Five hundred columns, each of which counts for less the farther it moves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.linspace(1, 0.5, x.shape[1])
        odds = (weight * torch.tanh(6 * x)).sum(dim=1) - 1
        return torch.stack([torch.sigmoid(-odds), torch.sigmoid(odds)], dim=1)


def test_what_a_step_lacked_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = from_torch(Saturating(), 500)
    x, y = np.zeros((1, 500), np.float32), np.ones(1, np.int32)
    asked = counted(monkeypatch)
    found = find(teacher, x, y, rng=RNG, engine="linear")
    assert found.converged.all()
    assert sum(asked) < 8


class Flat(torch.nn.Module):
    """As sure of one class everywhere, so that no slope leads anywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(0 * x[:, :2] + torch.tensor([3.0, 0.0]), dim=1)


def test_where_no_slope_leads_the_walk_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    x, y = np.full((1, 5), 0.5, np.float32), np.ones(1, np.int32)
    found = find(from_torch(Flat(), 5), x, y, rng=RNG, engine="linear")
    assert np.array_equal(found.x, x)
    assert len(asked) < 20
