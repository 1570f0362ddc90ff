"""What a graph makes of the rows at each of its steps, and what it stores beside that step."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from onnx import ModelProto

from grandrounds_client.arrays import Rows
from grandrounds_client.graph import prune
from grandrounds_client.lint.stored import Stored, stored_numbers
from grandrounds_client.vetting.session import open_session

_CHUNK = 2**24
"""Numbers of one step that are held at once: all rows are looked at, part by part."""
_PROBE = 2
"""Rows that show how wide a step is."""


class Step(NamedTuple):
    """What a step makes of some rows, float [n, m], and what could hold them beside it."""

    rows: Rows
    stored: list[Stored]


def steps(model: ModelProto, rows: Rows) -> Iterator[Step]:
    """Yield the rows themselves and what each step of the graph makes of them.

    A step is shown beside the numbers that no step up to it has read: a machine that keeps
    rows compares them with what it has made of its input, and what it was made with may
    show there for reasons of its own. A net gives a row with a single one its own weights.

    Only steps as wide as the remaining numbers could hold a row are run on all rows.

    Parameters
    ----------
    model : onnx.ModelProto
    rows : float32 [N, D]

    Raises
    ------
    BadModel
        If a step does not run on the rows.
    """
    for part in _parts(model):
        width = _width(part, rows[:_PROBE])
        stored = [one for one in _others(model, part) if _divides(width, one)]
        if stored:
            chunk = max(1, _CHUNK // width)
            for start in range(0, len(rows), chunk):
                made = activation(part, rows[start : start + chunk])
                yield Step(made.reshape(len(made), -1), stored)


def _parts(model: ModelProto) -> Iterator[ModelProto]:
    """Yield the graph as far as its input, then as far as each node."""
    for name in (model.graph.input[0].name, *(node.output[0] for node in model.graph.node)):
        yield up_to(model, name)


def _width(part: ModelProto, rows: Rows) -> int:
    """Return how many numbers a step makes of each row; 0 where it makes none of its own."""
    made = activation(part, rows)
    if made.dtype.kind != "f" or made.ndim < 2 or len(made) != len(rows):
        return 0
    return int(np.prod(made.shape[1:]))


def _divides(width: int, one: Stored) -> bool:
    """Whether a tensor or list falls into runs of `width` numbers."""
    if width < 2 or not one.numbers.size:
        return False
    return one.numbers.size % width == 0 or width in one.numbers.shape[1:-1]


def _others(model: ModelProto, part: ModelProto) -> list[Stored]:
    """Return the numbers of a model that a part of it does not read."""
    rest = ModelProto()
    rest.CopyFrom(model)
    made = {node.output[0] for node in part.graph.node}
    read = {tensor.name for tensor in part.graph.initializer}
    for node in rest.graph.node:
        if node.output[0] in made:
            node.ClearField("attribute")  # the node stays, so that others keep their place
    kept = [tensor for tensor in rest.graph.initializer if tensor.name not in read]
    del rest.graph.initializer[:]
    rest.graph.initializer.extend(kept)
    return stored_numbers(rest)


def up_to(model: ModelProto, name: str) -> ModelProto:
    """Return a model that computes what a graph computes under a name."""
    part = ModelProto()
    part.CopyFrom(model)
    del part.graph.output[:]
    part.graph.output.add(name=name)
    return prune(part, name)


def activation(part: ModelProto, rows: Rows) -> Rows:
    """Return what a part of a graph makes of rows, float32 [N, D].

    Raises
    ------
    BadModel
        If onnxruntime does not run it.
    """
    if not part.graph.node:
        return rows
    return open_session(part.SerializeToString())(rows)
