"""The owner's own door: what a model may carry before it is released.

Peers check a model for what it could do to them; its owner checks it for whom it holds.
Three steps, in this order, on the exported graph:

1. `merge_small_leaves`: no leaf of a tree speaks of a few patients.
2. `check_classes`: no statistics of a class that has a few patients.
3. `check_rows`: no training row stands in the graph.

::

    leaves ── ensembles    trees out of a node of the graph, and back into it
    classes ┐
    rows    ┴─ search      where rows stand among the numbers of a graph
                 ├─ windows      every run of d numbers at a stride, hashed
                 └─ evidence     how far from coincidence a match is
    rows     ── directions  the same up to a factor, as any step passes rows on
                 ├─ single   of a site with one feature
                 └─ steps    what each step makes of the rows, and what it was not made with
    stored                 every number that a graph stores
    views                  the rows as the graph's first steps pass them on
"""

from grandrounds_client.lint.classes import check_classes
from grandrounds_client.lint.leaves import merge_small_leaves
from grandrounds_client.lint.rows import check_rows

__all__ = ["check_classes", "check_rows", "merge_small_leaves"]
