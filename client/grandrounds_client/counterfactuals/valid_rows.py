"""From a solution in the box to rows a record can hold, at as little loss as may be."""

from dataclasses import replace

import numpy as np

from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.counterfactuals.contract import held
from grandrounds_client.counterfactuals.problem import (
    Engine,
    Problem,
    Solution,
    distances,
    gaps,
    objective,
)
from grandrounds_client.counterfactuals.projection import project
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout


def onto(
    layout: Layout,
    teacher: Teacher,
    problem: Problem,
    solution: Solution,
    *,
    engine: Engine,
    rng: np.random.Generator,
) -> Solution:
    """Return the solution with valid rows.

    A category moves by a whole step and mostly overshoots. Where the projected row has not
    converged, the engine is asked once more, from that row and for the continuous columns
    alone; its answer is taken where it lowers the objective.
    """
    x = project(teacher, problem, solution, layout)
    smallest = solution.smallest & (x == solution.x).all(axis=1)
    gap = gaps(teacher.predict_proba(x), problem.target)
    missed = np.flatnonzero((gap > problem.epsilon) & ~smallest)
    movable = problem.movable & _continuous(layout)
    lam = solution.lam.copy()
    if len(missed) and movable.any():
        part = replace(problem.rows(missed), x=x[missed], movable=movable)
        part = replace(part, start=teacher.predict_proba(part.x))
        again = held(teacher, part, engine(teacher, part, rng))
        again = replace(again, lam=np.maximum(again.lam, lam[missed]))
        better = _lower(teacher, problem.rows(missed), x[missed], again)
        x[missed[better]], lam[missed[better]] = again.x[better], again.lam[better]
    return Solution(x, lam, smallest)


def _lower(teacher: Teacher, problem: Problem, x: Rows, again: Solution) -> Mask:
    """Rows whose objective the second answer lowers, at the lambda it needed."""
    before, after = (
        objective(
            distances(rows, problem.x), gaps(teacher.predict_proba(rows), problem.target), again.lam
        )
        for rows in (x, again.x)
    )
    return after < before


def _continuous(layout: Layout) -> Mask:
    """Columns that may take any value, bool [D]."""
    free = np.ones(layout.width, dtype=np.bool_)
    for group in layout.one_hot_groups:
        free[group] = False
    free[[column for column, _ in layout.ordinal_levels]] = False
    return free
