"""What a network answers, and the slopes of scores of it, a few rows at a time."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

NUMBERS = 100_000
"""Asked at once: what lies between the layers of a network is then still in the cache when
the gradient comes back for it, and the memory it takes is bounded."""

Scores = Callable[[Tensor, slice], Tensor]
"""From the probabilities [n, C] of a part of the rows to K scores of each, [n, K]."""


def slopes(network: nn.Module, x: Tensor, scores: Scores) -> tuple[Tensor, Tensor, Tensor]:
    """Return f(x), the scores of each row, and their slopes; 0 where one is not a number.

    Parameters
    ----------
    x : float32 [N, D]
        At least one row.

    Returns
    -------
    float32 [N, C], float32 [N, K], float32 [N, K, D]
    """
    size = max(1, NUMBERS // x.shape[1])
    parts = [_part(network, x, scores, slice(at, at + size)) for at in range(0, len(x), size)]
    if len(parts) == 1:
        return parts[0]
    found, scored, slope = (torch.cat(each) for each in zip(*parts, strict=True))
    return found, scored, slope


def _part(
    network: nn.Module, x: Tensor, scores: Scores, rows: slice
) -> tuple[Tensor, Tensor, Tensor]:
    asked = x[rows].detach().requires_grad_()
    probabilities = network(asked)
    each = scores(probabilities, rows)
    last = each.shape[1] - 1
    slope = [
        torch.autograd.grad(score.sum(), asked, retain_graph=at < last)[0]
        for at, score in enumerate(each.unbind(1))
    ]
    return probabilities.detach(), each.detach(), torch.stack(slope, dim=1).nan_to_num_()
