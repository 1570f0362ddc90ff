"""Virtual rows: the least change of a row that moves a teacher where it should be (CKD eq. 2).

::

    find ── checks
      │  ── engines ── exact      one tree: every leaf's box
      │             ── boxes      ensemble of trees: lines, best moves; swarm where they fail
      │             ── linear     gradients: the teacher made linear, again and again
      │             ── adam       gradients, as in the paper: approach, descent, give_back
      │             ── swarm      black box: particles, topology, archive, give_back
      │  ── contract              what every engine owes
      └─ valid_rows ── projection back to valid categories and levels

`problem` holds the records that pass between them.
"""

from grandrounds_client.counterfactuals.engines import ENGINES
from grandrounds_client.counterfactuals.find import Counterfactuals, find, joined
from grandrounds_client.counterfactuals.problem import (
    LAMBDAS,
    Engine,
    Problem,
    Solution,
    distances,
    gaps,
    objective,
    target,
)

__all__ = [
    "ENGINES",
    "LAMBDAS",
    "Counterfactuals",
    "Engine",
    "Problem",
    "Solution",
    "distances",
    "find",
    "gaps",
    "joined",
    "objective",
    "target",
]
