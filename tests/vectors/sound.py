"""Sound graphs of 4 columns and 2 classes, written by hand, that attack files are made from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, CLASSES = 4, 2

TREE: dict[str, Any] = {
    "nodes_treeids": [0] * 5,
    "nodes_nodeids": [0, 1, 2, 3, 4],
    "nodes_featureids": [0, 0, 3, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_values": [0.5, 0.0, 0.25, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 3, 0, 0],
    "nodes_falsenodeids": [2, 0, 4, 0, 0],
    "class_treeids": [0] * 6,
    "class_nodeids": [1, 1, 3, 3, 4, 4],
    "class_ids": [0, 1, 0, 1, 0, 1],
    "class_weights": [0.9, 0.1, 0.25, 0.75, 0.5, 0.5],
    "classlabels_int64s": [0, 1],
    "post_transform": "NONE",
}


def floats(name: str, numbers: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(numbers, dtype=np.float32), name)


def integers(name: str, numbers: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(numbers, dtype=np.int64), name)


def value(name: str, shape: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    stored: Sequence[TensorProto] = (),
    *,
    inputs: Sequence[onnx.ValueInfoProto] | None = None,
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
) -> onnx.ModelProto:
    """Return a model from `X` to `p`, unless told otherwise."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("X", ["N", WIDTH])] if inputs is None else inputs,
        [value("p", ["N", CLASSES])] if outputs is None else outputs,
        stored,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def tree(source: str = "X", **changes: Any) -> onnx.ModelProto:
    """Return a single tree, with some of its attributes changed."""
    attributes = {name: v for name, v in (TREE | changes).items() if v is not None}
    node = helper.make_node(
        "TreeEnsembleClassifier", [source], ["label", "p"], domain="ai.onnx.ml", **attributes
    )
    return model([node])


def network(*nodes: onnx.NodeProto, stored: Sequence[TensorProto] = ()) -> onnx.ModelProto:
    """Return softmax(X W), with more nodes and tensors in front."""
    weights = floats("W", [[0.3, -0.3], [0.1, 0.2], [-0.5, 0.5], [0.0, 1.0]])
    tail = [
        helper.make_node("MatMul", ["X", "W"], ["z"]),
        helper.make_node("Softmax", ["z"], ["p"], axis=1),
    ]
    return model([*nodes, *tail], [*stored, weights])
