"""Tensors that lie about themselves."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.vectors.attacks.family import Family, before, changed
from tests.vectors.sound import floats, integers, network

node = helper.make_node


def _with(tensor: TensorProto) -> onnx.ModelProto:
    """Return a graph that adds a tensor to its input."""
    return network(node("Add", ["X", tensor.name], ["y"]), stored=[tensor])


def _edited(**fields: Any) -> onnx.ModelProto:
    tensor = floats("t", [1.0, 2.0, 3.0, 4.0])
    for name, content in fields.items():
        if isinstance(content, list):
            tensor.ClearField(name)
            getattr(tensor, name).extend(content)
        else:
            setattr(tensor, name, content)
    whole = _with(tensor)
    whole.graph.node[-2].input[0] = "y"
    return whole


def tensors() -> Family:
    external = onnx.StringStringEntryProto(key="location", value="../../etc/passwd")
    sparse = helper.make_sparse_tensor(floats("s", [1.0]), integers("i", [0]), [4])
    double = np.full(4, 1e39)
    text = TensorProto(name="t", data_type=TensorProto.STRING, dims=[1], string_data=[b"x"])
    return {
        "external-data": (
            _edited(external_data=[external], data_location=TensorProto.EXTERNAL),
            "external_data",
        ),
        "external-location": (_edited(data_location=TensorProto.EXTERNAL), "data_location"),
        "sparse-initializer": (
            changed(lambda m: m.graph.sparse_initializer.append(sparse)),
            "sparse_initializer",
        ),
        "string-tensor": (_with(text), "string_data"),
        "half-precision": (_edited(data_type=TensorProto.FLOAT16), "tensor 0"),
        "nan-weights": (_with_numbers([1.0, np.nan, 1.0, 1.0]), "not finite"),
        "inf-weights": (_with_numbers([1.0, np.inf, 1.0, 1.0]), "not finite"),
        "1e39-as-double": (
            _edited(raw_data=double.tobytes(), data_type=TensorProto.DOUBLE),
            "not finite",
        ),
        "huge-dims": (_edited(dims=[2**40, 2**40]), "dims"),
        "dims-overflow": (_edited(dims=[2**32, 2**32, 4]), "dims"),
        "negative-dims": (_edited(dims=[-2, -2]), "dims"),
        "dims-lie": (_edited(dims=[1000]), "dims declare 1000"),
        "no-data": (_edited(raw_data=b""), "tensor 0"),
        "data-cut": (_edited(raw_data=b"\0" * 12), "the data hold 3"),
        "data-appended": (_edited(raw_data=b"\0" * 20), "the data hold 5"),
        "data-of-seven-bytes": (_edited(raw_data=b"\0" * 7), "the data hold 1.75"),
        "data-of-another-type": (_added(int32_data=[1] * 4), "tensor 0"),
        "data-of-other-length": (_added(float_data=[1.0] * 5), "the data hold 5"),
        "dims-zero": (_edited(dims=[4, 0]), "dims"),
        "dims-of-nine": (_edited(dims=[4] + [1] * 8), "dims"),
        "dims-2-63": (_edited(dims=[2**63 - 1]), "dims"),
        "segment": (changed(_segmented), "segment"),
        "type-unknown": (_edited(data_type=99), "tensor type 99"),
        "type-of-bits": (_edited(data_type=TensorProto.BOOL), "tensor type 9"),
        "type-complex": (_edited(data_type=TensorProto.COMPLEX64), "tensor type 14"),
        "type-undefined": (_edited(data_type=0), "tensor type 0"),
        "tensor-without-name": (changed(_unnamed), "without a name"),
        "nan-as-double": (
            _edited(raw_data=np.full(4, np.nan).tobytes(), data_type=TensorProto.DOUBLE, dims=[4]),
            "not finite",
        ),
        "nan-in-constant": (_constant(floats("c", [np.nan] * 4)), "'value'"),
        "constant-dims-lie": (
            _constant(TensorProto(data_type=1, dims=[2**40], raw_data=b"\0" * 16)),
            "'value'.dims",
        ),
        "constant-external": (
            _constant(TensorProto(data_type=1, dims=[4], external_data=[external])),
            "external_data",
        ),
        "external-in-sight": (
            _edited(external_data=[onnx.StringStringEntryProto(key="location", value="/dev/zero")]),
            "external_data",
        ),
        "two-kinds-of-data": (_edited(float_data=[1.0, 2.0, 3.0, 4.0]), "tensor 0"),
    }


def _added(**data: Any) -> onnx.ModelProto:
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[4], **data)
    return before(node("Add", ["X", "t"], ["y"]), stored=[tensor])


def _segmented(whole: onnx.ModelProto) -> None:
    whole.graph.initializer[0].segment.end = 8


def _unnamed(whole: onnx.ModelProto) -> None:
    whole.graph.initializer[0].name = ""


def _constant(tensor: TensorProto) -> onnx.ModelProto:
    return before(
        node("Constant", [], ["c"], value=tensor), node("Add", ["X", "c"], ["y"]), stored=[]
    )


def _with_numbers(numbers: list[float]) -> onnx.ModelProto:
    return _edited(raw_data=np.array(numbers, dtype=np.float32).tobytes())
