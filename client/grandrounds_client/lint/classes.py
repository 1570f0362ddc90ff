"""No statistics of a class that has a few patients."""

import numpy as np
from onnx import ModelProto

from grandrounds_client.arrays import Columns, Labels, Rows
from grandrounds_client.lint.search import search
from grandrounds_client.lint.stored import stored_numbers
from grandrounds_client.lint.views import views
from grandrounds_client.split import Examples
from grandrounds_protocol.errors import ModelHoldsRows

_CERTAIN = 10.0
"""Bits beyond the number of tries: there are a few means to look for, not thousands of rows."""


def check_classes(graph: bytes, own: Examples, fitted: Examples, columns: Columns, k: int) -> None:
    """Refuse a graph that states the mean of a class with fewer than `k` own rows.

    Naive Bayes does, and whatever else keeps a mean per class, under any name: the means
    are looked for as `check_rows` looks for rows. What goes with a mean, such as the
    variance, is then in the graph too. Statistics that are no means (the logarithms of
    a naive Bayes over counts) are not found.

    Parameters
    ----------
    graph : bytes
        The exported graph over the federation's columns.
    own : Examples
        The site's own training rows: their number per class is what counts.
    fitted : Examples
        All rows that the model was fitted to, virtual ones included; `own` where it saw no
        others.
    columns : int64 [d]
        The columns that the site has.
    k : int
        Fewest rows that a statistic may speak of. A class without own rows is free.

    Raises
    ------
    ModelHoldsRows
        Naming the tensor or attribute and the number of such classes.
    """
    present, counts = np.unique(own.y, return_counts=True)
    small = present[counts < k]
    if not len(small):
        return
    model = ModelProto.FromString(graph)
    stored = stored_numbers(model)
    for view in views(model, _means(fitted, small), columns):
        found = search(view, stored, certainty=_CERTAIN)
        if found is not None:
            raise ModelHoldsRows(
                f"the model states the mean of {found.rows} of the {len(small)} classes with"
                f" fewer than {k} training rows",
                where=found.where,
                remedy="take a learner that keeps no means, such as `logistic` or `tree`,"
                " or leave these classes out",
            )


def _means(fitted: Examples, classes: Labels) -> Rows:
    """Return each class's mean, float32 [classes, D]."""
    means = [fitted.x[fitted.y == label].mean(axis=0, dtype=np.float64) for label in classes]
    return np.stack(means).astype(np.float32)
