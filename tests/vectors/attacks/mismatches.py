"""Inputs that do not fit together, which a runtime might only notice while it computes."""

from typing import Any

import onnx
from onnx import TensorProto, helper

from tests.vectors.attacks.family import Family, before
from tests.vectors.sound import floats, integers

node = helper.make_node

STORED = [
    floats("three", [1.0, 2.0, 3.0]),
    floats("square", [[1.0, 2.0], [3.0, 4.0]]),
    floats("tall", [[1.0], [2.0], [3.0], [4.0]]),
    floats("filter", [[[[1.0]]], [[[1.0]]]]),
    floats("channels", [[[[1.0]], [[1.0]]]]),
    floats("deep", [[[1.0, 1.0, 1.0, 1.0]]]),
    integers("image", [-1, 1, 2, 2]),
    integers("twice", [1, 1]),
    integers("ninth", [9]),
    integers("one", [1]),
    integers("none", [0]),
    integers("five", [1, 5]),
    integers("too-far", [0, 0, 0]),
]
IMAGE = node("Reshape", ["X", "image"], ["a"])
DOUBLE = node("Cast", ["X"], ["a"], to=TensorProto.DOUBLE)


def _pool(**attributes: Any) -> list[onnx.NodeProto]:
    return [IMAGE, node("MaxPool", ["a"], ["y"], **attributes)]


def _conv(weights: str, *bias: str, **attributes: Any) -> list[onnx.NodeProto]:
    return [IMAGE, node("Conv", ["a", weights, *bias], ["y"], **attributes)]


_NODES: dict[str, tuple[list[onnx.NodeProto], str]] = {
    "add-shapes": ([node("Add", ["X", "three"], ["y"])], "do not fit"),
    "add-types": ([DOUBLE, node("Add", ["X", "a"], ["y"])], "different types"),
    "add-nothing": ([node("Add", ["X", ""], ["y"])], "input 1"),
    "clip-computed": (
        [node("ReduceMax", ["X"], ["a"], axes=[1], keepdims=0), node("Clip", ["X", "a"], ["y"])],
        "not a fixed",
    ),
    "cast-to-text": ([node("Cast", ["X"], ["y"], to=TensorProto.STRING)], "cast"),
    "slope-too-large": ([node("PRelu", ["X", "deep"], ["y"])], "slope"),
    "normalizer-of-image": (
        [IMAGE, node("Normalizer", ["a"], ["y"], domain="ai.onnx.ml")],
        "'Normalizer'",
    ),
    "matmul-shapes": ([node("MatMul", ["X", "square"], ["y"])], "do not fit"),
    "matmul-by-rows": ([node("MatMul", ["tall", "X"], ["y"])], "do not fit"),
    "gemm-shapes": ([node("Gemm", ["X", "square"], ["y"])], "do not fit"),
    "gemm-summand": ([node("Gemm", ["X", "tall", "square"], ["y"])], "do not fit"),
    "gemm-summand-wide": ([node("Gemm", ["X", "tall", "three"], ["y"])], "larger"),
    "gemm-rows-turned": ([node("Gemm", ["X", "tall"], ["y"], transA=1)], "do not fit"),
    "reduce-everything": ([node("ReduceMean", ["X"], ["y"])], "not named"),
    "axis-out-of-range": ([node("Softmax", ["X"], ["y"], axis=2)], "axis 2"),
    "axis-twice": ([node("ReduceSum", ["X", "twice"], ["y"])], "twice"),
    "flatten-axis": ([node("Flatten", ["X"], ["y"], axis=9)], "axis 9"),
    "concat-ranks": ([IMAGE, node("Concat", ["X", "a"], ["y"], axis=1)], "ranks"),
    "concat-rows": ([node("Concat", ["X", "tall"], ["y"], axis=1)], "another dim"),
    "slice-lengths": ([node("Slice", ["X", "none", "twice", "one"], ["y"])], "slice"),
    "slice-step-zero": ([node("Slice", ["X", "none", "one", "one", "none"], ["y"])], "slice"),
    "slice-to-nothing": ([node("Slice", ["X", "one", "one", "one"], ["y"])], "not fixed"),
    "squeeze-wide-axis": ([node("Squeeze", ["X", "one"], ["y"])], "length 1"),
    "unsqueeze-twice": ([node("Unsqueeze", ["X", "twice"], ["y"])], "twice"),
    "unsqueeze-rows": ([node("Unsqueeze", ["X", "none"], ["y"])], "first dim"),
    "reshape-copies-nothing": ([node("Reshape", ["X", "too-far"], ["y"])], "lacks"),
    "reshape-to-more": ([node("Reshape", ["X", "five"], ["y"])], "number of elements"),
    "gather-ninth": ([node("Gather", ["X", "ninth"], ["y"], axis=1)], "outside"),
    "extract-ninth": (
        [node("ArrayFeatureExtractor", ["X", "ninth"], ["y"], domain="ai.onnx.ml")],
        "outside",
    ),
    "conv-of-table": ([node("Conv", ["X", "filter"], ["y"])], "not [N, channels"),
    "conv-channels": (_conv("channels"), "channels"),
    "conv-groups": (_conv("filter", group=3), "group"),
    "conv-kernel": (_conv("filter", kernel_shape=[3, 3]), "kernel_shape"),
    "conv-bias": (_conv("filter", "three"), "bias"),
    "conv-padding-twice": (_conv("filter", auto_pad="SAME_UPPER", pads=[1, 1, 1, 1]), "auto_pad"),
    "conv-padding-unknown": (_conv("filter", auto_pad="OTHER"), "auto_pad"),
    "pool-without-kernel": (_pool(), "kernel_shape"),
    "pool-storage-order": (_pool(kernel_shape=[1, 1], storage_order=1), "storage_order"),
    "pool-kernel-too-large": (_pool(kernel_shape=[3, 3]), "larger than"),
    "pool-indices": (
        [IMAGE, node("MaxPool", ["a"], ["y", "indices"], kernel_shape=[1, 1])],
        "2 outputs",
    ),
    "tree-on-double": (
        [
            DOUBLE,
            node(
                "TreeEnsembleClassifier",
                ["a"],
                ["label", "y"],
                domain="ai.onnx.ml",
                nodes_modes=["LEAF"],
            ),
        ],
        "not float32",
    ),
}


def mismatches() -> Family:
    """Return the network with a node in front that takes the wrong inputs."""
    return {name: (before(*nodes, stored=STORED), says) for name, (nodes, says) in _NODES.items()}
