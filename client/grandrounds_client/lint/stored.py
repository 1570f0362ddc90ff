"""Every number that a graph stores, whatever it is called and whoever reads it."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, numpy_helper

from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.shown import shown

Numbers = npt.NDArray[np.float32]

_FRACTIONS = {FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE}
_NUMERIC = _FRACTIONS | {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT64,
}
_NOT_REAL = {TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.COMPLEX128}


class Stored(NamedTuple):
    """A tensor or list of numbers, float32 of any shape, and where it stands."""

    where: str
    numbers: Numbers


def stored_numbers(model: ModelProto) -> list[Stored]:
    """Return all tensors and lists of numbers, also those of subgraphs and functions.

    Fractions that stand alone (an attribute's one number, a tensor of one element) come
    last, as one list in the order of the file: a row could be spread over them.

    Raises
    ------
    BadModel
        If a tensor's data lie outside of the file, or are not what it declares.
    """
    found = list(_walk(model, ""))
    alone = [one.numbers.reshape(-1) for one in found if one.numbers.size == 1]
    several = [one for one in found if one.numbers.size > 1]
    if len(alone) > 1:
        several.append(Stored("the numbers that stand alone, in order", np.concatenate(alone)))
    return several


def _walk(message: Message, where: str) -> Iterator[Stored]:
    if isinstance(message, TensorProto):
        if message.data_type not in _NOT_REAL:
            yield Stored(where, _float32(_tensor(message, where)))
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            children: Iterable[Message] = value if field.is_repeated else [value]
            for index, child in enumerate(children):
                yield from _walk(child, ", ".join(filter(None, (where, _label(child, index)))))
        elif field.cpp_type in (_NUMERIC if field.is_repeated else _FRACTIONS):
            yield Stored(where, _float32(np.atleast_1d(np.asarray(value))))


def _label(message: Message, index: int) -> str:
    match message:
        case NodeProto():
            return f"node {index} ({shown(message.op_type)})"
        case AttributeProto():
            return f"attribute {shown(message.name)}"
        case TensorProto():
            return f"tensor {shown(message.name)}" if message.name else ""
    return ""


def _tensor(tensor: TensorProto, where: str) -> npt.NDArray[Any]:
    if tensor.data_location != TensorProto.DEFAULT:
        raise BadModel("external data is not accepted", where=where)
    try:
        return numpy_helper.to_array(tensor)
    except (TypeError, ValueError):
        raise BadModel("a tensor's data are not what it declares", where=where) from None


def _float32(numbers: npt.NDArray[Any]) -> Numbers:
    # too large for float32 becomes infinite, which no row holds
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)
