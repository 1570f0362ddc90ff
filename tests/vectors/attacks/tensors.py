"""Tensors that lie about themselves."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.vectors.attacks.family import Family, changed
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
        "two-kinds-of-data": (_edited(float_data=[1.0, 2.0, 3.0, 4.0]), "tensor 0"),
    }


def _with_numbers(numbers: list[float]) -> onnx.ModelProto:
    return _edited(raw_data=np.array(numbers, dtype=np.float32).tobytes())
