"""A model of the classes it saw, among all classes of the federation."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from grandrounds_client.arrays import Columns, Probabilities, Rows
from grandrounds_client.graph import assemble, prune
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.training import Training


def placed(seen: Fitted, training: Training) -> Fitted:
    """Return `seen`, a model of k classes, as a model of C; a class it never saw gets 0."""
    if len(training.present) == training.classes:
        return seen
    return _Placed(seen, training.present, training.classes)


@dataclass(frozen=True)
class _Placed:
    seen: Fitted
    present: Columns
    classes: int

    @property
    def _where(self) -> Probabilities:
        """float32 [k, C]: a product with it moves columns, and rounds nothing."""
        return np.eye(self.classes, dtype=np.float32)[self.present]

    def predict_proba(self, x: Rows) -> Probabilities:
        return self.seen.predict_proba(x) @ self._where

    def to_onnx(self) -> onnx.ModelProto:
        model = prune(self.seen.to_onnx(), "probabilities")
        graph = model.graph
        for node in graph.node:
            node.output[:] = ["seen" if name == "probabilities" else name for name in node.output]
        move = helper.make_node("MatMul", ["seen", "where"], ["probabilities"])
        out = helper.make_tensor_value_info(
            "probabilities", onnx.TensorProto.FLOAT, ["N", self.classes]
        )
        return assemble(
            [*graph.node, move],
            graph.input,
            [out],
            [*graph.initializer, numpy_helper.from_array(self._where, "where")],
            opsets={entry.domain: entry.version for entry in model.opset_import},
        )
