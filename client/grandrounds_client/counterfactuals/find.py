"""The one entry: from a teacher and seeds to counterfactuals (CKD eq. 2)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Labels, Mask, Rows
from grandrounds_client.counterfactuals.checks import check_options, check_seeds
from grandrounds_client.counterfactuals.contract import held
from grandrounds_client.counterfactuals.engines import choose
from grandrounds_client.counterfactuals.problem import (
    Engine,
    Problem,
    Solution,
    distances,
    gaps,
    target,
)
from grandrounds_client.counterfactuals.valid_rows import onto
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout


@dataclass(frozen=True)
class Counterfactuals:
    """One x' per seed, and what is known of it.

    Attributes
    ----------
    x : float32 [N, D]
        In [0, 1]; only the teacher's columns differ from the seed's.
    gap : float32 [N]
        |f(x') - y'|, by the teacher's own `predict_proba`.
    distance : float32 [N]
        Manhattan distance to the seed, over all columns.
    lam : float32 [N]
        The lambda each row ended at.
    converged : bool [N]
        The gap is at most epsilon. With the exact engine also: the gap is above epsilon,
        and it is proved that no point the teacher may move to has a smaller one, because
        a tree takes only the few values of its leaves.
    engine : str
        Name of the engine that found them.
    """

    x: Rows
    gap: Floats
    distance: Floats
    lam: Floats
    converged: Mask
    engine: str

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: npt.NDArray[np.intp]) -> "Counterfactuals":
        """Return the chosen rows, in that order."""
        return Counterfactuals(
            self.x[rows],
            self.gap[rows],
            self.distance[rows],
            self.lam[rows],
            self.converged[rows],
            self.engine,
        )


def find(
    teacher: Teacher,
    x: Rows,
    y: Labels,
    *,
    rng: np.random.Generator,
    alpha: float = 0.5,
    epsilon: float = 0.05,
    engine: str | Engine = "auto",
    fallback: bool = False,
    layout: Layout | None = None,
    movable: Mask | None = None,
    margin: float = 1e-3,
    chunk: int = 4096,
) -> Counterfactuals:
    """Return x' = argmin d(x', x) + lambda |f(x') - y'|^2 for every seed (CKD eq. 2).

    Lambda is raised per row until |f(x') - y'| <= epsilon or its schedule ends. Before
    projection no row's objective, at the lambda it ended at, is worse than its seed's.

    Parameters
    ----------
    teacher : Teacher
    x : float32 [N, D]
        Seeds in [0, 1]; never modified.
    y : int32 [N]
        The classes to teach.
    rng : numpy.random.Generator
        Only the swarm draws from it, alone or for what "boxes" leaves over.
    alpha : float
        How far the target moves from f(x) towards certainty.
    epsilon : float
        Largest gap, in probability, that counts as converged.
    engine : str or Engine
        "auto" goes by the teacher's graph: "exact" for one tree, "boxes" for several,
        "linear" where it has gradients ("adam", as in the paper, may be asked for),
        "swarm" otherwise. Any `Engine` may be passed.
    fallback : bool
        Take the automatic engine where the named one does not fit the teacher, instead of
        refusing.
    layout : Layout, optional
        Where given, categories are put back to one-hot and ordinals to their levels, and
        continuous columns make up for it where they can; gap, distance and converged
        are those of the rows returned.
    movable : bool [D], optional
        Columns that may move, among those the teacher reads; all of them if None.
    margin : float
        How far past a split the exact engine steps, in encoded units; 0 for the optimum.
    chunk : int
        Rows solved together; bounds the memory.

    Raises
    ------
    BadInput
        Seeds out of shape or range, an unknown engine, or one that does not fit the teacher.

    Examples
    --------
    A teacher that believes its first column:

    >>> def believe(x): return np.stack([1 - x[:, 0], x[:, 0]], axis=1)
    >>> teacher = Teacher("north", "toy", np.array([0]), 2, believe)
    >>> x, y = np.float32([[0.2, 0.7]]), np.int32([1])
    >>> found = find(teacher, x, y, rng=np.random.default_rng(0))
    >>> found.engine, bool(found.converged[0]), bool(0.5 < found.x[0, 0] < 0.65)
    ('swarm', True, True)
    """
    check_options(alpha=alpha, epsilon=epsilon, margin=margin, chunk=chunk)
    check_seeds(teacher, x, y, layout)
    if teacher.elsewhere is not None and isinstance(engine, str):
        return teacher.elsewhere.find(
            x,
            y,
            rng=rng,
            alpha=alpha,
            epsilon=epsilon,
            engine=engine,
            fallback=fallback,
            margin=margin,
            layout=layout,
            movable=movable,
        )
    name, solve = choose(engine, teacher, fallback=fallback)
    free = np.zeros(x.shape[1], dtype=np.bool_)
    free[teacher.columns] = True
    if movable is not None:
        free &= movable
    parts = [_nothing(x.shape[1], name)]
    for at in range(0, len(x), chunk):
        seeds = np.array(x[at : at + chunk], dtype=np.float32, order="C")
        start = teacher.predict_proba(seeds)
        wanted = target(start, y[at : at + chunk], alpha)
        problem = Problem(seeds, start, wanted, free, epsilon, margin)
        solution = held(teacher, problem, solve(teacher, problem, rng))
        if layout is not None:
            solution = onto(layout, teacher, problem, solution, engine=solve, rng=rng)
        parts.append(_judged(teacher, problem, solution, name))
    return joined(parts)


def _judged(teacher: Teacher, problem: Problem, solution: Solution, engine: str) -> Counterfactuals:
    gap = gaps(teacher.predict_proba(solution.x), problem.target)
    return Counterfactuals(
        x=solution.x,
        gap=gap,
        distance=distances(solution.x, problem.x),
        lam=solution.lam,
        converged=(gap <= problem.epsilon) | solution.smallest,
        engine=engine,
    )


def joined(parts: list[Counterfactuals]) -> Counterfactuals:
    """Put parts found by the same engine together, in order; at least one is needed."""
    return Counterfactuals(
        x=np.concatenate([part.x for part in parts]),
        gap=np.concatenate([part.gap for part in parts]),
        distance=np.concatenate([part.distance for part in parts]),
        lam=np.concatenate([part.lam for part in parts]),
        converged=np.concatenate([part.converged for part in parts]),
        engine=parts[0].engine,
    )


def _nothing(width: int, engine: str) -> Counterfactuals:
    none = np.empty(0, dtype=np.float32)
    rows = np.empty((0, width), dtype=np.float32)
    return Counterfactuals(rows, none, none, none, np.empty(0, dtype=np.bool_), engine)
