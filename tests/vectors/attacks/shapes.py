"""Shapes that are not known, blow up, or let rows meet."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.vectors.attacks.family import Family, before
from tests.vectors.sound import floats, integers, model

node = helper.make_node


def _reshaped(target: TensorProto, **attributes: Any) -> onnx.ModelProto:
    return before(node("Reshape", ["X", "target"], ["y"], **attributes), stored=[target])


def shapes() -> Family:
    wide, tall = floats("wide", np.ones((1, 3000))), floats("tall", np.ones((3000, 1)))
    computed = before(
        node("Cast", ["X"], ["target"], to=TensorProto.INT64),
        node("Reshape", ["X", "target"], ["y"]),
        stored=[],
    )
    return {
        "broadcast-blow-up": (
            before(
                node("MatMul", ["tall", "wide"], ["big"]),
                node("ReduceSum", ["big", "all"], ["sum"], keepdims=1),
                node("Add", ["X", "sum"], ["y"]),
                stored=[wide, tall, integers("all", [0, 1])],
            ),
            "elements",
        ),
        "rows-blow-up": (_rows_blow_up(), "activations"),
        "work-blow-up": (_work_blow_up(), "work"),
        "reshape-computed": (computed, "not a stored"),
        "reshape-to-zero": (_reshaped(integers("target", [0, 0]), allowzero=1), "not known"),
        "reshape-huge": (_reshaped(integers("target", [2**31 - 1, 4])), "'Reshape'"),
        "reshape-negative": (_reshaped(integers("target", [-5, 4])), "not known"),
        "reshape-mixes-rows": (_reshaped(integers("target", [-1, 2])), "fixed"),
        "mean-over-rows": (
            before(
                node("ReduceMean", ["X"], ["mean"], axes=[0], keepdims=1),
                node("Sub", ["X", "mean"], ["y"]),
                stored=[],
            ),
            "over the rows",
        ),
        "softmax-over-rows": (before(node("Softmax", ["X"], ["y"], axis=0), stored=[]), "rows"),
        "rows-reversed": (
            before(
                node("Slice", ["X", "from", "to", "axis", "step"], ["y"]),
                stored=[
                    integers("from", [-1]),
                    integers("to", [-(2**62)]),
                    integers("axis", [0]),
                    integers("step", [-1]),
                ],
            ),
            "over the rows",
        ),
        "rows-times-rows": (
            before(
                node("Transpose", ["X"], ["t"], perm=[1, 0]),
                node("MatMul", ["X", "t"], ["y"]),
                stored=[],
            ),
            "rows first",
        ),
        "answer-without-rows": (
            model([node("Identity", ["c"], ["p"])], [floats("c", [[0.5, 0.5]])]),
            "model.graph.output",
        ),
    }


def _rows_blow_up() -> onnx.ModelProto:
    """Return sums whose operands are small and whose broadcast is not."""
    return before(
        node("Reshape", ["X", "deep"], ["a"]),
        node("Add", ["a", "tall"], ["b"]),
        node("Reshape", ["b", "deeper"], ["c"]),
        node("Add", ["c", "tall"], ["d"]),
        node("ReduceSum", ["d", "axes"], ["y"], keepdims=0),
        stored=[
            integers("deep", [-1, 1, 4]),
            floats("tall", np.ones((2000, 1))),
            integers("deeper", [-1, 1, 8000]),
            integers("axes", [1]),
        ],
    )


def _work_blow_up() -> onnx.ModelProto:
    """Return a product of two matrices of 1000 x 1000 for each row."""
    shared = [
        integers("deep", [-1, 1, 4]),
        floats("tall", np.ones((1000, 1))),
        floats("wide", np.ones((4, 1000))),
        integers("turn", [-1, 1000, 1000]),
        integers("axes", [1]),
        floats("narrow", np.ones((1000, 4))),
    ]
    return before(
        node("Reshape", ["X", "deep"], ["a"]),
        node("Add", ["a", "tall"], ["b"]),
        node("MatMul", ["b", "wide"], ["c"]),
        node("MatMul", ["c", "c"], ["d"]),
        node("MatMul", ["d", "narrow"], ["e"]),
        node("ReduceSum", ["e", "axes"], ["y"], keepdims=0),
        stored=shared,
    )
