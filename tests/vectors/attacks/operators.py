"""Attributes and inputs of other operators."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.vectors.attacks.family import Family, before
from tests.vectors.sound import floats, integers, model

node = helper.make_node


def operators() -> Family:
    linear: dict[str, Any] = {
        "coefficients": [0.1] * 8,
        "intercepts": [0.0, 0.0],
        "classlabels_ints": [0, 1],
        "post_transform": "SOFTMAX",
    }

    def classifier(**changes: Any) -> onnx.ModelProto:
        made = node(
            "LinearClassifier", ["X"], ["label", "p"], domain="ai.onnx.ml", **linear | changes
        )
        return model([made])

    columns = integers("columns", [0, 1, 2, 4])
    return {
        "gather-out-of-range": (
            before(node("Gather", ["X", "columns"], ["y"], axis=1), stored=[columns]),
            "'Gather'",
        ),
        "gather-rows": (
            before(node("Gather", ["X", "row"], ["y"], axis=0), stored=[integers("row", [0])]),
            "over the rows",
        ),
        "gather-by-rows": (
            before(
                node("Cast", ["X"], ["i"], to=TensorProto.INT64),
                node("Gather", ["W", "i"], ["y"], axis=0),
                stored=[],
            ),
            "not a stored",
        ),
        "linear-cut": (classifier(coefficients=[0.1] * 7), "coefficients"),
        "linear-one-intercept": (classifier(intercepts=[0.0]), "intercepts"),
        "linear-nan": (classifier(coefficients=[np.nan] * 8), "coefficients"),
        "integer-division": (
            before(
                node("Cast", ["X"], ["i"], to=TensorProto.INT64),
                node("Div", ["i", "zero"], ["y"]),
                stored=[integers("zero", [0])],
            ),
            "not float",
        ),
        "constant-not-tensor": (
            before(node("Constant", [], ["y"], value_float=1.0), stored=[]),
            "value_float",
        ),
        "training-normalization": (_normalization(), "training mode"),
        "attribute-of-wrong-type": (
            before(node("Softmax", ["X"], ["y"], axis=1.5), stored=[]),
            "wrong type",
        ),
        "stride-zero": (_pooled(strides=[0]), "strides"),
        "kernel-huge": (_pooled(kernel_shape=[10**9]), "kernel_shape"),
        "padding-huge": (_pooled(pads=[10**9, 10**9]), "pads"),
        "dilation-zero": (_pooled(dilations=[0]), "dilations"),
    }


def _normalization() -> onnx.ModelProto:
    names = ["scale", "shift", "mean", "variance"]
    made = node("BatchNormalization", ["X", *names], ["y"], training_mode=1)
    return before(made, stored=[floats(name, [1.0] * 4) for name in names])


def _pooled(**changes: Any) -> onnx.ModelProto:
    window = {"kernel_shape": [1]} | changes
    return before(
        node("Reshape", ["X", "image"], ["a"]),
        node("MaxPool", ["a"], ["b"], **window),
        node("Reshape", ["b", "flat"], ["y"]),
        stored=[integers("image", [-1, 1, 4]), integers("flat", [-1, 4])],
    )
