"""The last steps among many classes: all leading probabilities brought to y' at once.

Steering one class leaves the others to themselves: another class may have gained what was
to stay. Here the logarithms of the leading probabilities are taken as linear, and the
smallest move that puts all of them right is a weighted least-squares problem (Gauss-Newton)
of as many equations as there are leading classes. A column's weight is how far it has moved
already, as in iteratively reweighted least squares, which keeps the others where they are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from grandrounds_client.counterfactuals.slopes import slopes

LEADING = 4
"""Classes with an equation of their own, per row; the rest share one."""
STEPS = 20
"""At most; each takes one backward pass per equation."""
SPARSE = 2
"""Steps in which only columns move that have moved before."""
NEW = 0.02
"""Weight of a column that has not moved, from then on."""
REACH = 0.5
"""How far a column moves in one step, halved after a step that made the gap wider."""
SLACK = 0.005
"""How loosely the equations are met, against the mean of the normal equations' diagonal."""
FLOOR = 0.003
"""A probability below this may be anything below this."""
FARTHEST = 3.0
"""Log-probability that one step asks for at most."""
WALLS = 3
"""Times that columns which would leave the box are stopped and the others solved anew."""


@dataclass
class _Leading:
    """Leading probabilities [n, K], what they should be [n, K], and their logs' slope [n, K, D]."""

    now: Tensor
    wanted: Tensor
    slope: Tensor
    gap: Tensor

    def only(self, kept: Tensor) -> "_Leading":
        return _Leading(self.now[kept], self.wanted[kept], self.slope[kept], self.gap[kept])


def balance(
    network: nn.Module, seed: Tensor, x: Tensor, target: Tensor, movable: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Return the point with the smallest gap, from x on, and that gap.

    A row is done as soon as its gap is at most epsilon, or not a number: slopes may be huge.

    Parameters
    ----------
    seed, x : float32 [N, D]
    target : float32 [N, C]
    movable : bool [D]

    Returns
    -------
    float32 [N, D], float32 [N]
    """
    best, best_gap = x.clone(), x.new_full((len(x),), torch.inf)
    reach = x.new_full((len(x), 1), REACH)
    row = torch.arange(len(x), device=x.device)
    for step in range(STEPS):
        there = _leading(network, x, target[row])
        nearer = there.gap < best_gap[row]
        best[row[nearer]], best_gap[row[nearer]] = x[nearer], there.gap[nearer]
        reach[row[~nearer]] /= 2
        far = there.gap > epsilon
        row, x, there = row[far], x[far], there.only(far)
        if not len(row):
            break
        weight = (x - seed[row]).abs() + (NEW if step >= SPARSE else 0.0)
        low, high = torch.maximum(-x, -reach[row]), torch.minimum(1 - x, reach[row])
        x = (x + _move(there, weight * movable, low, high)).clamp(0.0, 1.0)
    return best, best_gap


def _leading(network: nn.Module, x: Tensor, target: Tensor) -> _Leading:
    def chosen(probabilities: Tensor, target: Tensor) -> Tensor:
        count = min(LEADING, target.shape[1])
        return torch.maximum(probabilities.detach(), target).topk(count, dim=1).indices

    def logarithms(probabilities: Tensor, rows: slice) -> Tensor:
        leading = _grouped(probabilities, chosen(probabilities, target[rows]))
        return leading.clamp_min(torch.finfo(leading.dtype).tiny).log()

    found, _, slope = slopes(network, x, logarithms)
    classes = chosen(found, target)
    gap = torch.square(found - target).sum(dim=1).sqrt()
    return _Leading(_grouped(found, classes), _grouped(target, classes), slope, gap)


def _grouped(probabilities: Tensor, classes: Tensor) -> Tensor:
    """Probabilities of the chosen classes, and the sum of all others, [n, K]."""
    others = probabilities.scatter(1, classes, 0.0).sum(dim=1, keepdim=True)
    return torch.cat([probabilities.gather(1, classes), others], dim=1)


def _move(there: _Leading, weight: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Move that makes the logarithms right and is smallest by the weights, float32 [n, D].

    Columns that would pass `low` or `high` stop there, and the others make up for them.
    """
    asked = there.wanted.clamp_min(FLOOR).log() - there.now.clamp_min(FLOOR).log()
    asked = asked.clamp(-FARTHEST, FARTHEST)
    # a small probability's logarithm matters little to the gap
    matters = torch.maximum(there.now, there.wanted).clamp_min(FLOOR)
    move, free = torch.zeros_like(weight), torch.ones_like(weight)
    for _ in range(WALLS):
        missing = asked - (there.slope @ (move * (1 - free))[:, :, None])[:, :, 0]
        wanted = _least_squares(there.slope, weight * free, missing, matters)
        move = torch.where(free > 0, wanted, move)
        free = free * ((move >= low) & (move <= high))
        move = torch.clamp(move, low, high)
    return move


def _least_squares(slope: Tensor, weight: Tensor, missing: Tensor, matters: Tensor) -> Tensor:
    """Minimise move^2 / weight plus the equations' misses, each as far as it matters, [n, D]."""
    weighted = slope * weight[:, None]
    normal = weighted @ slope.transpose(1, 2)
    size = normal.diagonal(dim1=1, dim2=2).mean(dim=1, keepdim=True).clamp_min(1e-12)
    slack = torch.diag_embed(SLACK * size / torch.square(matters))
    multipliers = torch.linalg.solve_ex(normal + slack, missing[:, :, None]).result
    moved: Tensor = (weighted.transpose(1, 2) @ multipliers)[:, :, 0]
    return moved
