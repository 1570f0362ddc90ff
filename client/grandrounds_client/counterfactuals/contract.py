"""What every engine owes, a foreign one too."""

import numpy as np

from grandrounds_client.counterfactuals.problem import (
    Problem,
    Solution,
    distances,
    gaps,
    objective,
)
from grandrounds_client.teacher import Teacher


def held(teacher: Teacher, problem: Problem, solution: Solution) -> Solution:
    """Return the solution with rows that break the contract put right.

    Columns that may not move are the seed's, moves end at the walls of the box, and a row
    whose objective at its own lambda is worse than the seed's is the seed.
    """
    moved = np.where(problem.movable, np.clip(solution.x, 0, 1), problem.x)
    gap = gaps(teacher.predict_proba(moved), problem.target)
    after = objective(distances(moved, problem.x), gap, solution.lam)
    before = objective(np.zeros_like(gap), gaps(problem.start, problem.target), solution.lam)
    kept = after <= before
    return Solution(
        x=np.where(kept[:, None], moved, problem.x),
        lam=solution.lam,
        smallest=solution.smallest & kept,
    )
