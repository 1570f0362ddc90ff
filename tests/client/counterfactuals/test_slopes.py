"""Slopes of many rows are those of each, and a network is never asked for many at once."""

import pytest
import torch

from grandrounds_client.counterfactuals import slopes as module
from grandrounds_client.counterfactuals.slopes import slopes


class Squares(torch.nn.Module):
    """Columns squared; it remembers how many rows it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(x))
        return x.square()


def test_each_row_has_its_own_scores_and_slopes_whatever_the_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "NUMBERS", 8)
    x = torch.arange(10.0).reshape(5, 2)
    weight, network = torch.arange(5.0)[:, None], Squares()
    answers, scores, slope = slopes(network, x, lambda y, rows: weight[rows] * y)
    torch.testing.assert_close(answers, x.square())
    torch.testing.assert_close(scores, weight * x.square())
    torch.testing.assert_close(slope, torch.diag_embed(2 * weight * x))
    assert network.asked == [4, 1]


def test_a_slope_that_is_not_a_number_is_none() -> None:
    x = torch.tensor([[0.0, 1.0]])
    _, _, slope = slopes(Squares(), x, lambda y, _: y.sqrt() * y.sqrt())
    assert slope[0].tolist() == [[0, 0], [0, 2]]
