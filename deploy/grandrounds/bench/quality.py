"""One judge for every method: what the rows it returned are worth."""

from dataclasses import dataclass

import numpy as np

from grandrounds.bench.pairs import Pairs
from grandrounds.bench.setting import LAMBDA
from grandrounds_client.arrays import Rows
from grandrounds_client.counterfactuals import distances, gaps, objective
from grandrounds_client.teacher import Teacher


@dataclass(frozen=True)
class Quality:
    """Means over the first `pairs` of a workload's pairs.

    Attributes
    ----------
    converged : float
        Share whose gap is at most `Pairs.enough`.
    l1 : float
        Manhattan distance to the seed.
    changed : float
        Columns that differ from the seed's at all.
    objective : float
        CKD eq. 2 at the fixed lambda.
    """

    pairs: int
    converged: float
    l1: float
    changed: float
    objective: float


def judge(teacher: Teacher, pairs: Pairs, moved: Rows) -> Quality:
    """Judge x', float32 [n, D], of the first n pairs."""
    given = pairs.rows(slice(len(moved)))
    gap = gaps(teacher.predict_proba(moved), given.target)
    distance = distances(moved, given.x)
    return Quality(
        pairs=len(moved),
        converged=float((gap <= given.enough).mean()),
        l1=float(distance.mean()),
        changed=float(np.count_nonzero(moved != given.x, axis=1).mean()),
        objective=float(objective(distance, gap, LAMBDA).mean()),
    )
