"""Rows of a made hospital, and graphs by hand that carry them or do not."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from grandrounds_client.arrays import Columns, Labels, Rows
from grandrounds_client.learners.sklearn_model import SklearnModel
from grandrounds_client.release import export

WIDTH = 24
COLUMNS: Columns = np.array([0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20])
"""The hospital's columns among the federation's; the others are 0 in its rows."""
CATEGORIES = (2, 4, 2, 3, 2)


def hospital(count: int = 120, seed: int = 0, numbers: int = 5) -> tuple[Rows, Labels]:
    """Draw numbers to two digits, one-hot categories, and two classes; on all columns."""
    rng = np.random.default_rng(seed)
    own = [rng.integers(101, size=(count, numbers)) / 100]
    own += [np.eye(size)[rng.integers(size, size=count)] for size in CATEGORIES]
    x = np.concatenate(own, axis=1).astype(np.float32)
    whole = np.zeros((count, WIDTH), np.float32)
    whole[:, own_columns(numbers)] = x
    y = (x[:, 0] + x[:, numbers] + rng.normal(scale=0.3, size=count) > 1).astype(np.int32)
    return whole, y


def own_columns(numbers: int = 5) -> Columns:
    """Return the hospital's columns where it has fewer numbers than five."""
    return COLUMNS[5 - numbers :]


def released(machine: Any, x: Rows, y: Labels, columns: Columns) -> bytes:
    """Fit a scikit-learn estimator to own columns and return its graph on all."""
    with warnings.catch_warnings():  # scikit-learn renames `probability`; the graph is the same
        warnings.simplefilter("ignore", FutureWarning)
        return export(SklearnModel(machine.fit(x[:, columns], y)), columns, x.shape[1])


def tensor(name: str, numbers: npt.NDArray[Any]) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(numbers), name)


def network(*stored: TensorProto, nodes: Sequence[NodeProto] = (), hidden: int = 32) -> bytes:
    """Return a net of random weights on `COLUMNS`, with more tensors and nodes beside it.

    It takes rows of any width that has these columns.
    """
    rng = np.random.default_rng(1)
    steps = [
        helper.make_node("Gather", ["X", "columns"], ["own"], axis=1),
        helper.make_node("MatMul", ["own", "W"], ["turned"]),
        helper.make_node("Add", ["turned", "b"], ["shifted"]),
        helper.make_node("Relu", ["shifted"], ["on"]),
        helper.make_node("MatMul", ["on", "V"], ["score"]),
        helper.make_node("Softmax", ["score"], ["probabilities"], axis=1),
    ]
    weights = [
        tensor("columns", COLUMNS),
        tensor("W", rng.normal(size=(len(COLUMNS), hidden)).astype(np.float32)),
        tensor("b", rng.normal(size=hidden).astype(np.float32)),
        tensor("V", rng.normal(size=(hidden, 2)).astype(np.float32)),
    ]
    graph = helper.make_graph(
        [*steps[:1], *nodes, *steps[1:]],
        "net",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", "D"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [*weights, *stored],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
