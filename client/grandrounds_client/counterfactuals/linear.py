"""The fast engine for teachers with gradients: the teacher made linear, again and again.

Where the log-odds of the class were linear, the shortest way to the target would be known:
move the column with the steepest slope until the box stops it, then the next, until the
target is met. This is done from the seed, the slopes are taken anew where it led, and
so on within a trust region that shrinks with each step; two to five gradients do on average.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from grandrounds_client.arrays import Floats, Rows
from grandrounds_client.counterfactuals.adam import adam
from grandrounds_client.counterfactuals.balance import balance
from grandrounds_client.counterfactuals.checks import gradients_of
from grandrounds_client.counterfactuals.device import device, placed
from grandrounds_client.counterfactuals.problem import Problem, Solution, distances, gaps
from grandrounds_client.counterfactuals.slopes import slopes
from grandrounds_client.teacher import Teacher

GRADIENTS = 40
"""At most, per row."""
SETTLED = 0.06
"""A row is done when its linear model promises to shorten its way by less than this share."""
STEEPEST = 48
"""Columns looked at first; rows that need more get a full sort."""
NEARLY = 0.9
"""Share of epsilon that is aimed at: the way to the edge is shorter than to the target."""
SETTLED_ODDS = 0.02
"""Log-odds this near to their goal are met; what gap is left lies with the other classes,
and `balance` steers those."""
WIDTH = 220
"""Columns that may all move at once, from wall to wall, in the first step; of a wider row
each moves less: pixels side by side hide behind one another, and slopes hold only nearby."""
SHRINK = 0.7
"""What is left of the trust region after each step that it did not cut short."""
SMALL = 0.4
"""In a smaller trust region what a step lacked is asked for again, on top of the next."""
OWED = 0.5
"""Share of it that is asked for: slopes fall off as columns move, and steps fall short."""
SMALLEST_STEP = 0.01
"""A trust region smaller than this leads nowhere."""


def linear(teacher: Teacher, problem: Problem, rng: np.random.Generator) -> Solution:
    """Solve CKD eq. 2 by successive linearisation; rows it cannot bring home go to Adam.

    A seed that already meets its target is returned as it is.

    Raises
    ------
    BadInput
        The teacher has no gradients.
    """
    network = placed(gradients_of(teacher, "linear"))
    start_gap = gaps(problem.start, problem.target)
    far = np.flatnonzero(start_gap > problem.epsilon)
    x, gap = problem.x.copy(), start_gap.copy()
    if len(far):
        with torch.enable_grad():
            found = _balanced(network, _walk(network, problem.rows(far)), problem)
        x[far], gap[far] = found.best.cpu().numpy(), found.best_gap.cpu().numpy()
    lam = _worth(problem, x, start_gap, gap)
    return _second_try(teacher, problem, Solution(x, lam, np.zeros(len(x), np.bool_)), gap, rng)


def _worth(problem: Problem, x: Rows, start_gap: Floats, gap: Floats) -> Floats:
    """Return the first lambda of the schedule at which the way is worth its length."""
    lambdas = np.asarray(problem.lambdas, np.float32)
    gain = np.maximum(start_gap**2 - gap**2, 0)[:, None] * lambdas
    first = (gain < distances(x, problem.x)[:, None]).sum(axis=1)
    worth: Floats = lambdas[np.minimum(first, len(lambdas) - 1)]
    return worth


def _second_try(
    teacher: Teacher, problem: Problem, first: Solution, gap: Floats, rng: np.random.Generator
) -> Solution:
    missed = np.flatnonzero(gap > problem.epsilon)
    if not len(missed):
        return first
    second = adam(teacher, problem.rows(missed), rng)
    second_gap = gaps(teacher.predict_proba(second.x), problem.target[missed])
    better = second_gap < gap[missed]
    x, lam = first.x.copy(), first.lam.copy()
    x[missed[better]], lam[missed[better]] = second.x[better], second.lam[better]
    return Solution(x, lam, first.smallest)


@dataclass
class _Walk:
    """Rows under way: where they stand, and the best point so far.

    Attributes
    ----------
    row : int64 [n]
    seed, x, best : float32 [n, D]
    target : float32 [n, C]
    label : int64 [n, 1]
        The class whose log-odds are steered.
    goal, radius, odds, owed, best_gap, best_distance : float32 [n]
        `owed` is how much more than the goal is asked for.
    slope : float32 [n, D]
    """

    row: Tensor
    seed: Tensor
    x: Tensor
    best: Tensor
    target: Tensor
    label: Tensor
    goal: Tensor
    radius: Tensor
    odds: Tensor
    owed: Tensor
    best_gap: Tensor
    best_distance: Tensor
    slope: Tensor

    def only(self, kept: Tensor) -> "_Walk":
        return _Walk(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def _walk(network: torch.nn.Module, problem: Problem) -> _Walk:
    movable = torch.tensor(problem.movable, device=device())
    now, done = _begin(network, problem, movable), []
    for _ in range(GRADIENTS):
        trial, short = _shortest(now)
        worth = (now.best_gap > problem.epsilon) | _shorter(now, trial)
        if not worth.all():
            done.append(now.only(~worth))
            now, trial, short = now.only(worth), trial[worth], short[worth]
        if not len(now.row):
            break
        finished = _advance(network, now, trial, short, movable, problem.epsilon)
        if finished.any():
            done.append(now.only(finished))
            now = now.only(~finished)
    ended = [*done, now]
    order = torch.argsort(torch.cat([part.row for part in ended]))
    return _Walk(
        **{
            field.name: torch.cat([getattr(part, field.name) for part in ended])[order]
            for field in fields(_Walk)
        }
    )


def _balanced(network: torch.nn.Module, found: _Walk, problem: Problem) -> _Walk:
    """Bring home rows whose class is where it should be, and others are not."""
    missed = torch.nonzero(found.best_gap > problem.epsilon)[:, 0]
    if len(missed):
        found.best[missed], found.best_gap[missed] = balance(
            network,
            found.seed[missed],
            found.best[missed],
            found.target[missed],
            torch.tensor(problem.movable, device=device()),
            problem.epsilon,
        )
    return found


def _begin(network: torch.nn.Module, problem: Problem, movable: Tensor) -> _Walk:
    seed, target, start = (
        torch.tensor(array, device=device()) for array in (problem.x, problem.target, problem.start)
    )
    label = (target - start).argmax(dim=1, keepdim=True)
    odds, slope, gap = _ask(network, seed, target, label)
    return _Walk(
        row=torch.arange(len(seed), device=seed.device),
        seed=seed,
        x=seed,
        best=seed,
        target=target,
        label=label,
        goal=_goal(target, label, odds, problem.epsilon),
        radius=seed.new_full((len(seed),), _first_radius(seed)),
        odds=odds,
        owed=seed.new_zeros(len(seed)),
        best_gap=gap,
        best_distance=seed.new_zeros(len(seed)),
        slope=slope * movable,
    )


def _first_radius(x: Tensor) -> float:
    return min(1.0, WIDTH / x.shape[1])


def _ask(
    network: torch.nn.Module, x: Tensor, target: Tensor, label: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-odds of the label [n], their slope [n, D], and the gap [n]."""

    def log_odds(probabilities: Tensor, rows: slice) -> Tensor:
        smallest = torch.finfo(probabilities.dtype).tiny
        own = probabilities.gather(1, label[rows])
        # the others' sum, not 1 - own: that would be 0 long before the others are
        others = probabilities.scatter(1, label[rows], 0.0).sum(dim=1, keepdim=True)
        return own.clamp_min(smallest).log() - others.clamp_min(smallest).log()

    found, odds, slope = slopes(network, x, log_odds)
    return odds[:, 0], slope[:, 0], torch.square(found - target).sum(dim=1).sqrt()


def _goal(target: Tensor, label: Tensor, odds: Tensor, epsilon: float) -> Tensor:
    """Log-odds at which the gap, coming from `odds`, is all but epsilon, [n].

    As long as the other classes keep their shares of what is left, a deviation of the
    label's probability by d makes a gap of d times the factor below.
    """
    wanted = target.gather(1, label)[:, 0]
    shares = target.scatter(1, label, 0.0) / (1 - wanted)[:, None].clamp_min(1e-6)
    factor = (1 + torch.square(shares).sum(dim=1)).sqrt()
    centre = torch.logit(wanted, eps=1e-6)
    edge = wanted - (centre - odds).sign() * NEARLY * epsilon / factor
    return torch.logit(edge, eps=1e-6)


def _shorter(now: _Walk, trial: Tensor) -> Tensor:
    """Whether the way to a point is shorter than the best by enough, bool [n]."""
    return _length(now, trial) < now.best_distance * (1 - SETTLED)


def _length(now: _Walk, x: Tensor) -> Tensor:
    return (x - now.seed).abs().sum(dim=1)


def _advance(
    network: torch.nn.Module,
    now: _Walk,
    trial: Tensor,
    short: Tensor,
    movable: Tensor,
    epsilon: float,
) -> Tensor:
    """Take one step; return which rows are done, bool [n]."""
    odds, slope, gap = _ask(network, trial, now.target, now.label)
    had, met = now.best_gap <= epsilon, gap <= epsilon
    # of a row that had met its target only a shorter way is tried
    better = met | (~had & (gap < now.best_gap))
    now.best = torch.where(better[:, None], trial, now.best)
    now.best_gap = torch.where(better, gap, now.best_gap)
    now.best_distance = torch.where(better, _length(now, trial), now.best_distance)
    missed = torch.where(now.radius < SMALL, OWED * (now.goal - odds), 0.0)
    # what cut a step short was the region, as long as it leads nearer
    cut = short & ((odds - now.goal).abs() < (now.odds - now.goal).abs())
    now.x, now.odds, now.slope, now.owed = trial, odds, slope * movable, now.owed + missed
    now.radius = torch.where(cut, now.radius, now.radius * SHRINK)
    settled = ((odds - now.goal).abs() < SETTLED_ODDS) & ~met
    return settled | (had & ~met) | (now.radius < SMALLEST_STEP)


def _shortest(now: _Walk) -> tuple[Tensor, Tensor]:
    """Point nearest to the seed at which the linear model meets the goal, float32 [n, D].

    Within the box and the trust region around x: a linear programme with one constraint,
    solved by taking the steepest columns first. Also where they do not suffice, bool [n].
    """
    low = (now.x - now.radius[:, None]).clamp_min(0.0)
    high = (now.x + now.radius[:, None]).clamp_max(1.0)
    base = now.seed.clamp(low, high)
    asked = now.goal + now.owed - now.odds
    need = asked - ((base - now.x) * now.slope).sum(dim=1)
    direction = need.sign()[:, None] * now.slope.sign()
    room = torch.where(direction > 0, high - base, base - low)
    amount, short = _fill(now.slope.abs(), room, need.abs())
    return (base + direction * amount).clamp(0.0, 1.0), short


def _fill(steepness: Tensor, room: Tensor, need: Tensor) -> tuple[Tensor, Tensor]:
    """How far each column moves, steepest first, until `need` is met, and where it is not."""
    width = steepness.shape[1]
    amount, short = _fill_first(steepness, room, need, min(STEEPEST, width))
    if width > STEEPEST and short.any():
        rest = torch.nonzero(short)[:, 0]
        amount[rest], short[rest] = _fill_first(steepness[rest], room[rest], need[rest], width)
    return amount, short


def _fill_first(steepness: Tensor, room: Tensor, need: Tensor, k: int) -> tuple[Tensor, Tensor]:
    steep, order = steepness.topk(k, dim=1)
    space = room.gather(1, order)
    gain = steep * space
    before = gain.cumsum(dim=1) - gain
    taken = ((need[:, None] - before) / steep.clamp_min(1e-12)).clamp_min(0.0)
    taken = torch.minimum(taken, space).masked_fill(steep <= 0, 0.0)
    short = before[:, -1] + gain[:, -1] < need
    return torch.zeros_like(steepness).scatter_(1, order, taken), short
