"""From a peer's bytes to a `Teacher`, through static checks: the door for foreign models.

Nothing of the file is executed, and onnxruntime does not see it, until every check has
passed. What is then asked of the graph is small and bounded.
"""

import numpy as np
import onnx
import torch
from onnx import ModelProto

from grandrounds_client.arrays import Columns, Rows
from grandrounds_client.ensemble_view import ensemble
from grandrounds_client.graph import prune
from grandrounds_client.teacher import Teacher
from grandrounds_client.torch_view import differentiable
from grandrounds_client.tree_view import leaves
from grandrounds_client.vetting.constants import stored_arrays
from grandrounds_client.vetting.content import check_content
from grandrounds_client.vetting.footprint import Footprint, check_footprint
from grandrounds_client.vetting.header import check_header
from grandrounds_client.vetting.limits import DEFAULT_LIMITS, Limits
from grandrounds_client.vetting.operators import OPERATORS
from grandrounds_client.vetting.session import Predict, open_session, predictor
from grandrounds_client.vetting.structure import check_input, check_structure, choose_output
from grandrounds_client.vetting.wire import parse
from grandrounds_protocol.errors import BadModel

_CHUNK = 8192
_MEMORY = 2**21
_PROBES = 64
_AGREEMENT = 1e-4


def vet(
    data: bytes,
    *,
    name: str,
    algorithm: str,
    width: int,
    classes: int,
    limits: Limits = DEFAULT_LIMITS,
) -> Teacher:
    """Check a released model and return it as a teacher.

    Parameters
    ----------
    data : bytes
        The ONNX file.
    name : str
        The site that released it.
    width : int
        D, the federation's encoded columns: the graph takes float32 [N, D].
    classes : int
        C: the graph gives float32 [N, C].
    limits : Limits

    Raises
    ------
    BadModel
        Naming the field, node, tensor or attribute at fault.
    """
    model, footprint = inspect(data, width=width, classes=classes, limits=limits)
    chunk = min(_CHUNK, max(1, _MEMORY // max(1, footprint.activations)))
    run = open_session(model.SerializeToString())
    predict = predictor(run, width=width, classes=classes, chunk=chunk)
    boxes = leaves(model, predict, width)
    return Teacher(
        name=name,
        algorithm=algorithm,
        columns=read_columns(model, width),
        classes=classes,
        predict_proba=predict,
        leaves=boxes,
        differentiable=_view(model, predict, width),
        ensemble=ensemble(model, predict, width=width, classes=classes, chunk=chunk)
        if boxes is None
        else None,
    )


def inspect(
    data: bytes, *, width: int, classes: int, limits: Limits
) -> tuple[ModelProto, Footprint]:
    """Check a released model without executing anything; return it pruned.

    Raises
    ------
    BadModel
    """
    check_content(data, limits)
    model = parse(data, limits)
    check_header(model, limits)
    check_structure(model.graph, OPERATORS)
    check_input(model.graph, width)
    pruned = prune(model, choose_output(model.graph, classes))
    footprint = check_footprint(pruned.graph, width=width, classes=classes, limits=limits)
    try:
        onnx.checker.check_model(pruned)
    except (onnx.checker.ValidationError, ValueError):
        raise BadModel("the graph does not follow the ONNX standard", where="model.graph") from None
    return pruned, footprint


def read_columns(model: ModelProto, width: int) -> Columns:
    """Return the columns that the graph reads: those that its first Gather selects, or all."""
    graph = model.graph
    readers = [node for node in graph.node if graph.input[0].name in node.input]
    if len(readers) == 1 and readers[0].op_type in {"Gather", "ArrayFeatureExtractor"}:
        indices = stored_arrays(graph).get(readers[0].input[1])
        if indices is not None:
            return np.unique(indices.astype(np.int64))
    return np.arange(width, dtype=np.int64)


def _view(model: ModelProto, predict: Predict, width: int) -> torch.nn.Module | None:
    """Return the differentiable view where it answers as the graph does."""
    view = differentiable(model)
    if view is None:
        return None
    rows: Rows = np.random.default_rng(0).random((_PROBES, width), dtype=np.float32)
    with torch.no_grad():
        answers = view(torch.from_numpy(rows)).numpy()
    return view if np.allclose(answers, predict(rows), rtol=0, atol=_AGREEMENT) else None
