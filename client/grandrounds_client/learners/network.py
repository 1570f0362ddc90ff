"""A fitted model written down as ONNX operators, one after another."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from grandrounds_client.graph import assemble

Constants = Mapping[str, npt.NDArray[np.generic]]


def network(
    nodes: Iterable[onnx.NodeProto], constants: Constants, *, columns: int, classes: int
) -> onnx.ModelProto:
    """Return the model `X`, float32 [N, columns] -> `probabilities`, float32 [N, classes].

    Floating constants become float32, the precision in which all models here compute.
    """
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", columns])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])
    tensors = [numpy_helper.from_array(_single(value), name) for name, value in constants.items()]
    return assemble(nodes, [x], [out], tensors)


def _single(value: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return value.astype(np.float32) if value.dtype.kind == "f" else value
