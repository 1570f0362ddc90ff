"""Inputs and outputs of a graph: their number, types and dims."""

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, TypeProto, ValueInfoProto, helper

from tests.vectors.attacks.family import Family, changed
from tests.vectors.sound import WIDTH, model, value

_TAIL = helper.make_node("Softmax", ["X"], ["p"])


def _typed(kind: int, shape: Sequence[int | str] = ("N", WIDTH)) -> ValueInfoProto:
    return helper.make_tensor_value_info("X", kind, shape)


def _made_of(**kinds: Any) -> ValueInfoProto:
    return helper.make_value_info("X", TypeProto(**kinds))


def _reading(*inputs: ValueInfoProto) -> onnx.ModelProto:
    return model([_TAIL], inputs=inputs)


def interfaces() -> Family:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", WIDTH])
    sequence = TypeProto.Sequence(elem_type=tensor)
    keyed = TypeProto.Map(key_type=TensorProto.INT64, value_type=tensor)
    sparse = TypeProto.SparseTensor(elem_type=TensorProto.FLOAT)
    return {
        "input-sequence": (_reading(_made_of(sequence_type=sequence)), "sequence_type"),
        "input-map": (_reading(_made_of(map_type=keyed)), "map_type"),
        "input-optional": (
            _reading(_made_of(optional_type=TypeProto.Optional(elem_type=tensor))),
            "optional_type",
        ),
        "input-sparse": (_reading(_made_of(sparse_tensor_type=sparse)), "sparse_tensor_type"),
        "input-without-type": (_reading(ValueInfoProto(name="X")), "'X'"),
        "input-of-integers": (_reading(_typed(TensorProto.INT64)), "'X'"),
        "input-of-double": (_reading(_typed(TensorProto.DOUBLE)), "'X'"),
        "input-of-text": (_reading(_typed(TensorProto.STRING)), "'X'"),
        "input-of-unknown-type": (_reading(_typed(99)), "'X'"),
        "input-without-shape": (
            changed(lambda m: m.graph.input[0].type.tensor_type.ClearField("shape")),
            "input[0]",
        ),
        "input-of-three-dims": (_reading(value("X", ["N", WIDTH, 1])), "input[0]"),
        "input-of-one-dim": (_reading(value("X", ["N"])), "input[0]"),
        "input-of-named-width": (_reading(value("X", ["N", "D"])), "input[0]"),
        "input-of-no-rows": (_reading(value("X", [0, WIDTH])), "input[0]"),
        "input-of-negative-rows": (_reading(value("X", [-1, WIDTH])), "input[0]"),
        "input-of-no-columns": (_reading(value("X", ["N", 0])), "input[0]"),
        "input-of-negative-columns": (_reading(value("X", ["N", -4])), "input[0]"),
        "input-of-huge-columns": (_reading(value("X", ["N", 2**62])), "input[0]"),
        "input-twice": (_reading(value("X", ["N", 4]), value("X", ["N", 4])), "'X'"),
        "input-without-name": (_reading(value("", ["N", WIDTH])), "without a name"),
        "no-input": (changed(lambda m: m.graph.ClearField("input")), "not made"),
        "no-output": (changed(lambda m: m.graph.ClearField("output")), "model.graph.output"),
        "no-nodes": (changed(lambda m: m.graph.ClearField("node")), "output[0]"),
        "no-graph": (changed(lambda m: m.ClearField("graph")), "model.graph.input"),
        "output-of-integers": (
            model([_TAIL], outputs=[helper.make_tensor_value_info("p", TensorProto.INT64, None)]),
            "0 float32 outputs",
        ),
        "output-of-three-dims": (
            model([_TAIL], outputs=[value("p", ["N", 2, 1])]),
            "model.graph.output",
        ),
        "output-of-fixed-rows": (model([_TAIL], outputs=[value("p", [1, 2])]), "graph.output"),
        "output-is-the-input": (
            model([_TAIL], outputs=[value("X", ["N", WIDTH])]),
            "model.graph.output",
        ),
        "output-without-name": (model([_TAIL], outputs=[value("", ["N", 2])]), "output[0]"),
    }
