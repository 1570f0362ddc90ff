"""The rows as a graph's first steps pass them on: columns chosen, numbers scaled."""

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto

from grandrounds_client.arrays import Columns, Rows
from grandrounds_client.lint.steps import activation, up_to

COLUMN_BY_COLUMN = frozenset(
    {"Gather", "ArrayFeatureExtractor", "Slice", "Concat", "Identity", "Cast", "Clip", "Scaler"}
    | {"Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization"}
)
"""What a scaler or a choice of columns is made of: no column is mixed with another."""
_MOST = 8
"""Steps that are followed; a scaler takes two."""


def views(model: ModelProto, rows: Rows, columns: Columns) -> Iterator[Rows]:
    """Yield the forms in which a graph may store rows, float32 [N, d'] each, no form twice.

    The site's own columns, all columns, and what each of the graph's first steps makes of
    them: a machine that stands behind a scaler holds scaled rows.

    Parameters
    ----------
    rows : float32 [N, D]
    columns : int64 [d]

    Raises
    ------
    BadModel
        If the graph's first steps do not run on the rows.
    """
    known: list[Rows] = []
    for form in _forms(model, rows, columns):
        if form.ndim == 2 and form.shape[1] > 1 and form.dtype == np.float32:
            if not any(np.array_equal(form, other) for other in known):
                yield form
            known.append(form)


def _forms(model: ModelProto, rows: Rows, columns: Columns) -> Iterator[Rows]:
    yield np.ascontiguousarray(rows[:, columns])
    yield rows
    for name in _first_steps(model)[:_MOST]:
        yield activation(up_to(model, name), rows)


def _first_steps(model: ModelProto) -> list[str]:
    """Name what is computed from the input alone, column by column, in the graph's order."""
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    stored |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
    reached = {graph.input[0].name}
    steps = []
    for node in graph.node:
        read = set(node.input) - stored - {""}
        if node.op_type in COLUMN_BY_COLUMN and read and read <= reached:
            reached.add(node.output[0])
            steps.append(node.output[0])
    return steps
