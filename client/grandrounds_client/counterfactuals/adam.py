"""The engine for teachers with gradients: Adam, as in the paper, on all rows at once."""

import numpy as np
import torch

from grandrounds_client.counterfactuals.approach import approach
from grandrounds_client.counterfactuals.checks import gradients_of
from grandrounds_client.counterfactuals.descent import Descent, Terms, descend
from grandrounds_client.counterfactuals.device import device, placed
from grandrounds_client.counterfactuals.give_back import give_back
from grandrounds_client.counterfactuals.problem import Problem, Solution, gaps
from grandrounds_client.teacher import Teacher


def adam(teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
    """Solve CKD eq. 2 by batched Adam; local optima, with lambda raised per row.

    A seed that already meets its target is returned as it is: at the first lambda
    no move can gain more than epsilon^2.

    Raises
    ------
    BadInput
        The teacher has no gradients.
    """
    network = placed(gradients_of(teacher, "adam"))
    terms = Terms(
        movable=torch.tensor(problem.movable, device=device()),
        lambdas=torch.tensor(problem.lambdas, dtype=torch.float32, device=device()),
        epsilon=problem.epsilon,
    )
    with torch.enable_grad():
        start = _start(network, problem, terms)
        found = descend(network, start, terms)
    lam = np.asarray(problem.lambdas, dtype=np.float32)[found.stage.cpu().numpy()]
    moved = give_back(teacher, problem, found.best.cpu().numpy(), lam)
    return Solution(moved, lam, np.zeros(len(problem), dtype=np.bool_))


def _start(network: torch.nn.Module, problem: Problem, terms: Terms) -> Descent:
    """Start where y' is met, with the first lambda at which that is worth its distance.

    At a smaller lambda the descent would walk back to the seed. Rows that meet their
    target, or for which nothing better was found, start at the seed with the first lambda.
    """
    known = (problem.x, problem.target, gaps(problem.start, problem.target))
    seed, target, gap = (torch.tensor(array, device=device()) for array in known)
    x, stage = seed.clone(), seed.new_zeros(len(seed), dtype=torch.int64)
    far = torch.nonzero(gap > problem.epsilon)[:, 0]
    if len(far):
        near, near_gap = approach(network, seed[far], target[far], terms)
        distance = (near - seed[far]).abs().sum(dim=1, keepdim=True)
        gain = (gap[far] ** 2 - near_gap**2)[:, None] * terms.lambdas
        pays = (gain > distance).any(dim=1)
        at = far[pays]
        x[at], gap[at], stage[at] = near[pays], near_gap[pays], (gain <= distance).sum(dim=1)[pays]
    return Descent.starting(seed, target, x, gap, stage)
