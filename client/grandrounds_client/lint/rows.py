"""No training row stands in a released graph."""

import numpy as np
from onnx import ModelProto

from grandrounds_client.arrays import Columns, Rows
from grandrounds_client.lint.directions import search_directions
from grandrounds_client.lint.search import Found, search
from grandrounds_client.lint.single import search_values
from grandrounds_client.lint.steps import steps
from grandrounds_client.lint.stored import stored_numbers
from grandrounds_client.lint.views import views
from grandrounds_protocol.errors import ModelHoldsRows

REMEDY = (
    "release a learner that keeps no rows: `svm` of this product in place of a machine with"
    " support vectors, `tree` or `forest` in place of nearest neighbours"
)


def check_rows(graph: bytes, rows: Rows, columns: Columns) -> None:
    """Refuse a graph in which training rows stand, whatever reads them there.

    Every tensor and every list of numbers is looked through, by content: see
    `grandrounds_client.lint.search` for the arrangements that are found, and
    `grandrounds_client.lint.evidence` for what is taken for coincidence. The rows are also
    looked for as the graph's first steps pass them on, so that scaled rows behind a scaler
    are found; and up to a factor as any step passes them on, so that multiplied and turned
    ones are (`grandrounds_client.lint.directions`).

    Not found: a row that was encrypted, rounded coarsely, mixed with others, cut into
    pieces, or turned in a way that the graph itself does not show; a multiplied one of few
    different numbers; and a single row of nothing but zeros and ones.

    Parameters
    ----------
    graph : bytes
        The exported graph over the federation's columns.
    rows : float32 [N, D]
        The site's own training rows.
    columns : int64 [d]
        The columns that the site has.

    Raises
    ------
    ModelHoldsRows
        Naming the tensor or attribute and at least how many rows stand there.
    """
    model = ModelProto.FromString(graph)
    found = _found(model, np.ascontiguousarray(rows, np.float32), columns)
    if found is not None:
        raise ModelHoldsRows(
            f"the model holds at least {found.rows} of the site's training rows",
            where=found.where,
            remedy=REMEDY,
        )


def _found(model: ModelProto, rows: Rows, columns: Columns) -> Found | None:
    stored = stored_numbers(model)
    if len(columns) == 1:
        return search_values(rows[:, columns], stored)
    for view in views(model, rows, columns):
        if (found := search(view, stored)) is not None:
            return found
    for step in steps(model, rows):
        if (found := search_directions(step.rows, step.stored)) is not None:
            return found
    return None
