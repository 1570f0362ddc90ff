"""Batched Adam on CKD eq. 2: one descent for all rows, each with its own lambda and clock.

Where a column still has the seed's value the Manhattan distance has a kink. There the
subgradient of least norm is taken, and a step that would cross the kink ends on it: a
column that does not pay stays exactly at the seed, where plain Adam would jitter.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from grandrounds_client.counterfactuals.slopes import slopes

STEPS = 40
"""Gradients per row and lambda."""
RATE, LAST_RATE = 0.02, 0.0002
"""First and last step size in encoded units, half a cosine between them."""
BETAS = (0.8, 0.95)
"""Decay of the two moments: both forget within the few steps of one lambda."""


@dataclass(frozen=True)
class Terms:
    """What all rows share: bool [D], the schedule [K], and the gap that will do."""

    movable: Tensor
    lambdas: Tensor
    epsilon: float


@dataclass
class Descent:
    """Rows under way, and the best point of each at its present lambda.

    Attributes
    ----------
    row : int64 [n]
        Which row of the problem this is.
    seed, start, x, best : float32 [n, D]
        `start` is remembered: a small lambda may trade it for a shorter way that misses
        epsilon, and a larger one wants it back.
    target : float32 [n, C]
    stage, clock : int64 [n]
        Index into the schedule, and steps since lambda was raised.
    first, second : float32 [n, D]
        Adam's moments.
    start_distance, start_gap, distance, gap : float32 [n]
        Of `start` and `best`; the objective at any lambda follows without a new evaluation.
    """

    row: Tensor
    seed: Tensor
    target: Tensor
    start: Tensor
    x: Tensor
    best: Tensor
    stage: Tensor
    clock: Tensor
    first: Tensor
    second: Tensor
    start_distance: Tensor
    start_gap: Tensor
    distance: Tensor
    gap: Tensor

    @classmethod
    def starting(
        cls, seed: Tensor, target: Tensor, start: Tensor, gap: Tensor, stage: Tensor
    ) -> "Descent":
        """Start each row where its gap is known, with the lambda of its stage."""
        rows = torch.arange(len(seed), device=seed.device)
        distance = (start - seed).abs().sum(dim=1)
        return cls(
            row=rows, seed=seed, target=target, start=start, x=start, best=start, stage=stage,
            clock=torch.zeros_like(rows), first=torch.zeros_like(seed),
            second=torch.zeros_like(seed), start_distance=distance, start_gap=gap,
            distance=distance, gap=gap,
        )  # fmt: skip

    def only(self, kept: Tensor) -> "Descent":
        """Return the rows that are kept (bool [n])."""
        return Descent(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def descend(network: torch.nn.Module, start: Descent, terms: Terms) -> Descent:
    """Raise each row's lambda until its best point meets epsilon or the schedule ends.

    Returns
    -------
    Descent
        All rows in the order of `start`; `best`, `stage` and `gap` are the results.
    """
    now, done = start, []
    while len(now.row):
        lam = terms.lambdas[now.stage]
        slope, gap = _slope(network, now.x, now.target)
        _remember(now, gap, lam)
        gradient = _subgradient(slope * lam[:, None], now) * terms.movable
        over = _over(now, gradient, terms)
        _step(now, gradient)
        if over.any():
            retired = over & ((now.gap <= terms.epsilon) | (now.stage + 1 == len(terms.lambdas)))
            done.append(now.only(retired))
            _raise(now, over & ~retired, terms)
            now = now.only(~retired)
    return _in_order(done, start)


def moments(first: Tensor, second: Tensor, gradient: Tensor, clock: Tensor) -> Tensor:
    """Update Adam's moments in place; return the step, float32 [n, D], to be subtracted."""
    first.lerp_(gradient, 1 - BETAS[0])
    second.lerp_(gradient * gradient, 1 - BETAS[1])
    time = clock[:, None] + 1
    size = LAST_RATE + (RATE - LAST_RATE) * (1 + torch.cos(math.pi * time / STEPS)) / 2
    spread = torch.sqrt(second / (1 - BETAS[1] ** time)) + 1e-30
    return size * (first / (1 - BETAS[0] ** time)) / spread


def _slope(network: torch.nn.Module, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the squared gap, float32 [n, D], and the gap, float32 [n]."""

    def squared_gap(probabilities: Tensor, rows: slice) -> Tensor:
        return torch.square(probabilities - target[rows]).sum(dim=1, keepdim=True)

    _, squared, slope = slopes(network, x, squared_gap)
    return slope[:, 0], squared[:, 0].sqrt()


def _remember(now: Descent, gap: Tensor, lam: Tensor) -> None:
    """Keep the point each row stands on where its objective beats the best so far."""
    _prefer(now, now.x, (now.x - now.seed).abs().sum(dim=1), gap, lam)


def _prefer(now: Descent, x: Tensor, distance: Tensor, gap: Tensor, lam: Tensor) -> None:
    better = distance + lam * gap**2 < now.distance + lam * now.gap**2
    now.best = torch.where(better[:, None], x, now.best)
    now.distance = torch.where(better, distance, now.distance)
    now.gap = torch.where(better, gap, now.gap)


def _subgradient(slope: Tensor, now: Descent) -> Tensor:
    """Subgradient of least norm of the objective, zero where the box is in the way."""
    moved = now.x - now.seed
    kink = torch.nn.functional.softshrink(slope, 1.0)
    gradient = torch.where(moved == 0, kink, slope + moved.sign())
    blocked = ((now.x <= 0) & (gradient > 0)) | ((now.x >= 1) & (gradient < 0))
    return gradient.masked_fill(blocked, 0.0)


def _over(now: Descent, gradient: Tensor, terms: Terms) -> Tensor:
    """Rows whose time at this lambda is up: steps used, nothing to gain, or met at the seed."""
    fresh = now.clock == 0
    still = fresh & (gradient == 0).all(dim=1)
    met = fresh & (now.distance == 0) & (now.gap <= terms.epsilon)
    return (now.clock >= STEPS) | still | met


def _step(now: Descent, gradient: Tensor) -> None:
    x = (now.x - moments(now.first, now.second, gradient, now.clock)).clamp(0.0, 1.0)
    crossed = (x - now.seed) * (now.x - now.seed) < 0
    now.x = torch.where(crossed, now.seed, x)
    now.first.masked_fill_(crossed, 0.0)
    now.clock = now.clock + 1


def _raise(now: Descent, rows: Tensor, terms: Terms) -> None:
    """Give rows the next lambda: from their best point, with a new clock."""
    now.stage = now.stage + rows
    lam = terms.lambdas[now.stage]
    _prefer(now, now.start, now.start_distance, now.start_gap, lam)
    now.x = torch.where(rows[:, None], now.best, now.x)
    now.first.masked_fill_(rows[:, None], 0.0)
    now.second.masked_fill_(rows[:, None], 0.0)
    now.clock = now.clock.masked_fill(rows, 0)


def _in_order(done: list[Descent], start: Descent) -> Descent:
    if not done:
        return start
    order = torch.argsort(torch.cat([part.row for part in done]))
    joined = {
        field.name: torch.cat([getattr(part, field.name) for part in done])[order]
        for field in fields(Descent)
    }
    return Descent(**joined)
