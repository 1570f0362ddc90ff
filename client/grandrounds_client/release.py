"""A site's model, written so that every peer can run it, and the card that goes with it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from grandrounds_client.arrays import Columns
from grandrounds_client.graph import IR_VERSION, OPSETS, assemble, prune
from grandrounds_client.learners.base import Fitted
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.records import Metrics, ModelCard

STARTS = (0, 10, 50, 100, 200, 500, 1000)
"""Where each bucket of row counts begins."""


def export(fitted: Fitted, columns: Columns, width: int) -> bytes:
    """Return a fitted model as a graph over the federation's columns.

    The first node gathers the columns the owner has, so that the learner's graph never
    meets the others. Tensors are renamed and remarks dropped: the bytes depend on the
    model alone.

    Parameters
    ----------
    fitted : Fitted
    columns : int64 [d]
        The owner's columns among all D, in the order in which the model reads them.
    width : int
        D.

    Returns
    -------
    bytes
        A serialised ModelProto: `X`, float32 [N, D] -> `probabilities`, float32 [N, C].

    Raises
    ------
    BadModel
        If the learner's graph does not read `X` alone and write `probabilities`, or is
        not a valid ONNX graph.
    """
    model = prune(fitted.to_onnx(), "probabilities")
    if [value.name for value in model.graph.input] != ["X"]:
        raise _unfit("the learner's graph must have the one input X")
    classes = fitted.predict_proba(np.zeros((1, len(columns)), np.float32)).shape[1]
    nodes, tensors = _renamed(model.graph)
    opsets = _opsets(model)
    released = assemble(
        [helper.make_node("Gather", ["X", "columns"], ["own"], axis=1), *nodes],
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(np.asarray(columns, np.int64), "columns"), *tensors],
        opsets=opsets,
        ir_version=_ir_version(opsets),
    )
    try:
        onnx.checker.check_model(released, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        raise _unfit("the learner's graph is not valid ONNX for these columns") from None
    return bytes(released.SerializeToString(deterministic=True))


def card(
    site: str,
    algorithm: str,
    features: Iterable[str],
    classes: Iterable[str],
    *,
    rows: int,
    validation: Metrics | None,
) -> ModelCard:
    """Return what everybody may know about the model; of the row count only its bucket.

    Raises
    ------
    pydantic.ValidationError
        If a name is not one the protocol allows.
    """
    return ModelCard(
        site=site,
        algorithm=algorithm,
        features=tuple(features),
        classes=tuple(classes),
        validation=validation,
        rows=bucket(rows),
    )


def bucket(count: int) -> str:
    """Return the range that a number of rows falls into.

    >>> bucket(9), bucket(10), bucket(303), bucket(1_000_000)
    ('0-9', '10-49', '200-499', '1000+')
    """
    names = [f"{start}-{after - 1}" for start, after in pairwise(STARTS)]
    return [*names, f"{STARTS[-1]}+"][bisect_right(STARTS, count) - 1]


def at_least(count: int) -> int:
    """Return where the range that a number of rows falls into begins.

    >>> at_least(9), at_least(10), at_least(303), at_least(1_000_000)
    (0, 10, 200, 1000)
    """
    return STARTS[bisect_right(STARTS, count) - 1]


def _renamed(
    graph: onnx.GraphProto,
) -> tuple[Sequence[onnx.NodeProto], Sequence[onnx.TensorProto]]:
    """Replace the tensors' names by numbers; exporters write names of modules there."""
    names = {"X": "own", "probabilities": "probabilities", "": ""}
    for tensor in graph.initializer:
        tensor.name = names.setdefault(tensor.name, f"t{len(names)}")
    for node in graph.node:
        node.input[:] = [names.setdefault(name, f"t{len(names)}") for name in node.input]
        node.output[:] = [names.setdefault(name, f"t{len(names)}") for name in node.output]
    return graph.node, graph.initializer


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    """Return the imports, and the default domain where only others were used."""
    return {"": OPSETS[""]} | {entry.domain: entry.version for entry in model.opset_import}


def _ir_version(opsets: dict[str, int]) -> int:
    """Return the package's own version, or a newer one where an operator set asks for it."""
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    return max(IR_VERSION, helper.find_min_ir_version_for(imports, ignore_unknown=True))


def _unfit(problem: str) -> BadModel:
    return BadModel(
        problem,
        where="to_onnx of the site's own learner",
        remedy="see the docstring of grandrounds_client.learners.base for what it must return",
    )
