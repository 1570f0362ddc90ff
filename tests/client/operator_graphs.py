"""One small graph per operator: from X [N, 4], or `a` made of it by another node, to y."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.vectors.sound import floats, integers, model

node = helper.make_node

STORED: dict[str, Any] = {
    "axes": [1],
    "both": [1, 2],
    "image": [0, -1, 4],
    "square": [-1, 1, 2, 2],
    "from": [3],
    "to": [-(2**62)],
    "back": [-1],
    "pick": [[0, 2], [1, 3]],
}
SIMPLE = (
    "Identity Relu LeakyRelu Elu Celu Selu HardSigmoid Sigmoid Tanh Softplus Softsign Exp Log "
    "Sqrt Cos Sin Abs Neg Reciprocal Erf Softmax LogSoftmax"
)
WITH_STORED = "Add Sub Mul Div Pow Min Max Sum Mean PRelu"
REDUCTIONS = (
    "ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare"
)
GRAPHS: dict[str, Sequence[onnx.NodeProto]] = {
    **{name: [node(name, ["X"], ["y"])] for name in SIMPLE.split()},
    **{f"{name} of stored": [node(name, ["X", "some"], ["y"])] for name in WITH_STORED.split()},
    **{name: [node(name, ["X"], ["y"], axes=[1], keepdims=1)] for name in REDUCTIONS.split()},
    "ReduceSum": [node("ReduceSum", ["X", "axes"], ["y"], keepdims=0)],
    "Clip": [node("Clip", ["X", "low", "high"], ["y"])],
    "Clip below": [node("Clip", ["X", "", "high"], ["y"])],
    "Cast": [node("Cast", ["X"], ["y"], to=TensorProto.DOUBLE)],
    "Constant": [
        node("Constant", [], ["c"], value=floats("c", [0.5])),
        node("Mul", ["X", "c"], ["y"]),
    ],
    "Reshape and Flatten": [
        node("Reshape", ["X", "image"], ["a"]),
        node("Flatten", ["a"], ["y"]),
    ],
    "Concat": [node("Concat", ["X", "X"], ["y"], axis=1)],
    "Gather of a table": [node("Gather", ["X", "pick"], ["y"], axis=1)],
    "ArrayFeatureExtractor": [
        node("ArrayFeatureExtractor", ["X", "axes"], ["y"], domain="ai.onnx.ml")
    ],
    "Slice backwards": [node("Slice", ["X", "from", "to", "axes", "back"], ["y"])],
    "Unsqueeze": [node("Unsqueeze", ["X", "both"], ["y"])],
    "Squeeze": [node("Unsqueeze", ["X", "both"], ["a"]), node("Squeeze", ["a", "axes"], ["y"])],
    "Transpose": [
        node("Reshape", ["X", "square"], ["a"]),
        node("Transpose", ["a"], ["y"], perm=[0, 3, 1, 2]),
    ],
    "Gemm": [node("Gemm", ["X", "W", "some"], ["y"], alpha=0.5, beta=2.0, transB=1)],
    **{
        f"Normalizer {name}": [node("Normalizer", ["X"], ["y"], norm=name, domain="ai.onnx.ml")]
        for name in ("MAX", "L1", "L2")
    },
    "Scaler": [
        node(
            "Scaler",
            ["X"],
            ["y"],
            domain="ai.onnx.ml",
            offset=[0.5, 0.1, -0.2, 0.3],
            scale=[2.0, 0.5, 1.0, 3.0],
        )
    ],
    **{
        f"LinearClassifier {name}": [
            node(
                "LinearClassifier",
                ["X"],
                ["label", "y"],
                domain="ai.onnx.ml",
                coefficients=[0.3, -0.2, 0.5, 0.1, -0.3, 0.2, -0.5, -0.1],
                intercepts=[0.1, -0.1],
                classlabels_ints=[0, 1],
                post_transform=name,
            )
        ]
        for name in ("NONE", "LOGISTIC", "SOFTMAX")
    },
    **{
        f"{name} uneven": [
            node("Reshape", ["X", "square"], ["a"]),
            node(name, ["a"], ["y"], kernel_shape=[2, 2], pads=[1, 0, 0, 1], **more),
        ]
        for name, more in (
            ("MaxPool", {"strides": [1, 2]}),
            ("AveragePool", {}),
            ("AveragePool", {"count_include_pad": 1}),
        )
    },
    "Conv uneven": [
        node("Reshape", ["X", "square"], ["a"]),
        node("Conv", ["a", "kernel"], ["y"], pads=[1, 0, 0, 1], strides=[2, 1]),
    ],
    "GlobalMaxPool": [
        node("Reshape", ["X", "square"], ["a"]),
        node("GlobalMaxPool", ["a"], ["y"]),
    ],
}


def operator_model(nodes: Sequence[onnx.NodeProto]) -> onnx.ModelProto:
    """Return a model of 4 columns that computes y with these nodes."""
    stored = [integers(name, numbers) for name, numbers in STORED.items()]
    rng = np.random.default_rng(5)
    stored += [floats("some", rng.random(4)), floats("low", 0.2), floats("high", 0.7)]
    stored += [floats("W", rng.random((4, 4))), floats("kernel", rng.random((3, 1, 2, 2)))]
    kind = TensorProto.DOUBLE if nodes[-1].op_type == "Cast" else TensorProto.FLOAT
    return model(nodes, stored, outputs=[helper.make_tensor_value_info("y", kind, None)])
