"""The floor: what asking the teacher costs by itself, as often as an engine asked it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.teacher import Teacher

_BATCHES = (32, 512)
"""Rows asked at once; what lies between a network's layers fits the cache only in small ones."""
_REPEATS = 3


@dataclass
class Asked:
    """Rows that the teacher answered, and rows of which it gave gradients."""

    answers: int = 0
    gradients: int = 0


def counted(teacher: Teacher) -> tuple[Teacher, Asked]:
    """Return the same teacher, which counts from now on."""
    asked = Asked()

    def predict(rows: Rows) -> Probabilities:
        asked.answers += len(rows)
        return teacher.predict_proba(rows)

    view = teacher.differentiable
    return replace(
        teacher,
        predict_proba=predict,
        differentiable=None if view is None else _Counted(view, asked),
    ), asked


class _Counted(nn.Module):
    def __init__(self, network: nn.Module, asked: Asked) -> None:
        super().__init__()
        self._network, self._asked = network, asked

    def __deepcopy__(self, memo: dict[int, object]) -> "_Counted":
        """Count for the same engine, on whatever device the copy is for."""
        return _Counted(deepcopy(self._network, memo), self._asked)

    def forward(self, x: Tensor) -> Tensor:
        """Answer, and count a gradient for each row: no engine asks without one."""
        self._asked.gradients += len(x)
        answer: Tensor = self._network(x)
        return answer


def floor(teacher: Teacher, x: Rows, asked: Asked) -> float:
    """Return the milliseconds that so many answers and gradients take, in batches."""
    total = asked.answers * _each(teacher.predict_proba, x)
    view = teacher.differentiable
    if view is not None and asked.gradients:
        total += asked.gradients * _each(lambda rows: _gradient(view, rows), x)
    return 1000 * total


def _each(ask: Callable[[Rows], object], x: Rows) -> float:
    """Return the seconds for one row, in batches of the better size."""
    batches = [np.resize(x, (size, x.shape[1])) for size in _BATCHES]
    return min(_best(ask, rows) / len(rows) for rows in batches)


def _gradient(network: nn.Module, rows: Rows) -> None:
    x = torch.tensor(rows, requires_grad=True)
    torch.autograd.grad(network(x)[:, 0].sum(), x)


def _best(ask: Callable[[Rows], object], rows: Rows) -> float:
    """Return the seconds of the fastest of a few runs, after one to warm up."""
    ask(rows)
    seconds = []
    for _ in range(_REPEATS):
        begun = perf_counter()
        ask(rows)
        seconds.append(perf_counter() - begun)
    return min(seconds)
