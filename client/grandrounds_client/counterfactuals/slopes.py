"""What a network answers, and the slope of a score of it, a few rows at a time."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

NUMBERS = 50_000
"""Asked at once: what lies between the layers of a network is then still in the cache when
the gradient comes back for it, and the memory it takes is bounded."""

Score = Callable[[Tensor, slice], Tensor]
"""From the probabilities [n, C] of a part of the rows to the score of each, [n]."""


def slopes(network: nn.Module, x: Tensor, score: Score) -> tuple[Tensor, Tensor, Tensor]:
    """Return f(x), the score of each row, and its slope; 0 where the slope is not a number.

    Parameters
    ----------
    x : float32 [N, D]
        At least one row.

    Returns
    -------
    float32 [N, C], float32 [N], float32 [N, D]
    """
    size = max(1, NUMBERS // x.shape[1])
    parts = [_part(network, x, score, slice(at, at + size)) for at in range(0, len(x), size)]
    if len(parts) == 1:
        return parts[0]
    found, scores, slope = (torch.cat(each) for each in zip(*parts, strict=True))
    return found, scores, slope


def _part(
    network: nn.Module, x: Tensor, score: Score, rows: slice
) -> tuple[Tensor, Tensor, Tensor]:
    asked = x[rows].detach().requires_grad_()
    probabilities = network(asked)
    scores = score(probabilities, rows)
    (slope,) = torch.autograd.grad(scores.sum(), asked)
    return probabilities.detach(), scores.detach(), torch.nan_to_num(slope)
