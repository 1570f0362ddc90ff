"""Where Adam starts: a point near the seed at which the teacher already says y'."""

import torch
from torch import Tensor

from grandrounds_client.counterfactuals.descent import Terms
from grandrounds_client.counterfactuals.slopes import slopes

MOVES = 120
"""Gradients per row."""
FIRST_MOVE = 0.2
"""In encoded units; halved whenever it leads nowhere."""


def approach(
    network: torch.nn.Module, seed: Tensor, target: Tensor, terms: Terms
) -> tuple[Tensor, Tensor]:
    """Walk towards f(x') = y', one column at a time; return where it ended and the gap there.

    From the seed itself Adam would move every column whose slope exceeds 1, and where a
    teacher is all but certain the squared gap has no slope at all. Cross entropy has its
    minimum at the same f(x') = y' and a slope of f - y' in the logits, which does not
    vanish before the probabilities themselves underflow. Moving only the column with the
    largest slope is steepest descent where length is Manhattan, so few columns change.

    Returns
    -------
    float32 [n, D], float32 [n]
    """
    x, length = seed, seed.new_full((len(seed), 1), FIRST_MOVE)
    slope, entropy, gap = _cross_entropy(network, x, target)
    for _ in range(MOVES):
        trial = (x - length * _steepest(x, slope * terms.movable)).clamp(0.0, 1.0)
        there = _cross_entropy(network, trial, target)
        lower = there[1] < entropy
        x, slope = (
            torch.where(lower[:, None], new, old) for new, old in ((trial, x), (there[0], slope))
        )
        entropy, gap = torch.where(lower, there[1], entropy), torch.where(lower, there[2], gap)
        length = torch.where(lower[:, None], length, length / 2)
    return x, gap


def _steepest(x: Tensor, slope: Tensor) -> Tensor:
    """Sign of the largest slope of each row that the box leaves room for, else 0, [n, D]."""
    blocked = ((x <= 0) & (slope > 0)) | ((x >= 1) & (slope < 0))
    free = slope.masked_fill(blocked, 0.0)
    column = free.abs().argmax(dim=1, keepdim=True)
    return torch.zeros_like(x).scatter_(1, column, free.gather(1, column).sign())


def _cross_entropy(
    network: torch.nn.Module, x: Tensor, target: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Slope [n, D] and value [n] of the cross entropy, and the gap [n]."""

    def cross_entropy(probabilities: Tensor, rows: slice) -> Tensor:
        smallest = torch.finfo(probabilities.dtype).tiny
        logarithms = probabilities.clamp_min(smallest).log()
        return -(target[rows] * logarithms).sum(dim=1, keepdim=True)

    found, entropy, slope = slopes(network, x, cross_entropy)
    return slope[:, 0], entropy[:, 0], torch.square(found - target).sum(dim=1).sqrt()
