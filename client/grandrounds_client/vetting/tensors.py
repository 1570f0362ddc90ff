"""Tensors stored in a file: declared dims against the data, finite numbers."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from grandrounds_client.vetting.limits import Limits
from grandrounds_protocol.errors import BadModel

Array = npt.NDArray[Any]

_STORED: dict[int, tuple[str, np.dtype[Any]]] = {
    TensorProto.FLOAT: ("float_data", np.dtype("<f4")),
    TensorProto.DOUBLE: ("double_data", np.dtype("<f8")),
    TensorProto.INT32: ("int32_data", np.dtype("<i4")),
    TensorProto.INT64: ("int64_data", np.dtype("<i8")),
}
_FIELDS = {"float_data", "double_data", "int32_data", "int64_data", "raw_data"}
_DIMENSIONS = 8


def read_tensor(tensor: TensorProto, where: str, limits: Limits) -> Array:
    """Return the tensor as an array whose shape is what the data fill.

    Raises
    ------
    BadModel
        If the type is not float32, float64, int32 or int64, the dims are not what the
        data fill, or a number is not finite in float32.
    """
    if tensor.data_type not in _STORED:
        raise BadModel(f"tensor type {tensor.data_type} is not accepted", where=where)
    if tensor.data_location != TensorProto.DEFAULT:
        raise BadModel("external data is not accepted", where=f"{where}.data_location")
    typed, dtype = _STORED[tensor.data_type]
    shape = _shape(tensor, where, limits)
    used = {field.name for field, _ in tensor.ListFields()} & _FIELDS
    if len(used) != 1 or not used <= {typed, "raw_data"}:
        raise BadModel("a tensor without data of its type", where=where)
    array = _fill(tensor, "raw_data" if "raw_data" in used else typed, dtype, shape, where)
    _check_finite(array, where)
    return array


def _shape(tensor: TensorProto, where: str, limits: Limits) -> tuple[int, ...]:
    shape = tuple(tensor.dims)
    if len(shape) > _DIMENSIONS or any(dim < 1 for dim in shape):
        raise BadModel("a dimension below 1, or too many of them", where=f"{where}.dims")
    # python integers: the product cannot overflow
    if prod(shape) > limits.elements:
        raise BadModel(f"more than {limits.elements} elements", where=f"{where}.dims")
    return shape


def _fill(
    tensor: TensorProto, field: str, dtype: np.dtype[Any], shape: tuple[int, ...], where: str
) -> Array:
    stored = getattr(tensor, field)
    count = len(stored) / dtype.itemsize if field == "raw_data" else len(stored)
    if count != prod(shape):
        problem = f"dims declare {prod(shape)} elements, the data hold {count:g}"
        raise BadModel(problem, where=f"{where}.dims")
    if field == "raw_data":
        return np.frombuffer(stored, dtype=dtype).reshape(shape)
    return np.array(stored, dtype=dtype).reshape(shape)


def _check_finite(array: Array, where: str) -> None:
    if array.dtype.kind != "f":
        return
    # a float64 beyond float32 becomes infinite at the first cast
    if not (np.abs(array) <= np.finfo(np.float32).max).all():
        raise BadModel("a number that is not finite in float32", where=where)
