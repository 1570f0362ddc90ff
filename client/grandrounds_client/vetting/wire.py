"""Read the protobuf bytes field by field before a parser allocates anything for them.

A parser turns two bytes into an object of a hundred, follows nesting as deep as it is
written, and keeps fields that it does not know. This scan allocates nothing: it counts,
and accepts only the fields that a plain graph of tensors needs. What it accepts cannot
nest, since every field through which ONNX recurses (subgraphs, functions, sequences) is
among those that it refuses.
"""

import re
from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto

from grandrounds_client.vetting.limits import Limits
from grandrounds_protocol.errors import BadModel

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

ACCEPTED: dict[str, frozenset[str]] = {
    message: frozenset(fields.split())
    for message, fields in {
        "ModelProto": "ir_version opset_import producer_name producer_version domain"
        " model_version doc_string graph metadata_props",
        "OperatorSetIdProto": "domain version",
        "StringStringEntryProto": "key value",
        "GraphProto": "node name initializer doc_string input output value_info metadata_props",
        "NodeProto": "input output name op_type domain attribute doc_string metadata_props",
        "AttributeProto": "name type doc_string f i s t floats ints strings",
        "TensorProto": "dims data_type float_data int32_data int64_data double_data raw_data"
        " name doc_string data_location metadata_props",
        "ValueInfoProto": "name type doc_string metadata_props",
        "TypeProto": "tensor_type denotation",
        "Tensor": "elem_type shape",
        "TensorShapeProto": "dim",
        "Dimension": "dim_value dim_param denotation",
    }.items()
}

REMEDIES = {
    "functions": "inline local functions before the release",
    "g": "release a graph without Loop, If or Scan",
    "graphs": "release a graph without Loop, If or Scan",
    "external_data": "store all tensors inside the file",
    "sparse_initializer": "store all tensors densely",
    "sparse_tensor": "store all tensors densely",
    "string_data": "release a graph on numbers only",
    "sequence_type": "export with zipmap off",
    "training_info": "release the model for inference only",
}


class _Field(NamedTuple):
    name: str
    wire: int
    packable: bool
    text: bool
    message: Descriptor | None


_WIRE = {
    FieldDescriptor.TYPE_FLOAT: _FIXED32,
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
    FieldDescriptor.TYPE_STRING: _BYTES,
    FieldDescriptor.TYPE_BYTES: _BYTES,
    FieldDescriptor.TYPE_MESSAGE: _BYTES,
}


@cache
def _accepted(message: Descriptor) -> dict[int, _Field]:
    names = ACCEPTED[message.name]
    fields = [field for field in message.fields if field.name in names]
    return {field.number: _read_field(field) for field in fields}


def _read_field(field: FieldDescriptor) -> _Field:
    wire = _WIRE.get(field.type, _VARINT)
    text = field.type == FieldDescriptor.TYPE_STRING
    return _Field(field.name, wire, field.is_repeated and wire != _BYTES, text, field.message_type)


_ONE_BYTE = 0x80
"""Tags from here on take two bytes; all repeated numbers of ONNX are below."""
_VALUE = {_VARINT: rb"[\x80-\xff]{0,9}+[\x00-\x7f]", _FIXED32: rb".{4}", _FIXED64: rb".{8}"}
_HIGH_BYTES = bytes(range(0x80, 0x100))


@cache
def _run_of(tag: int) -> re.Pattern[bytes]:
    # not possessive, which Python 3.11.2 gets wrong: it passed over half a number at the end
    return re.compile(b"(?:%s%s){1,4096}" % (re.escape(bytes([tag])), _VALUE[tag & 7]), re.DOTALL)


def _numbers(tag: int, run: bytes) -> int:
    """Count the numbers of a run."""
    if tag & 7 == _VARINT:
        # one byte below 0x80 ends each tag, and one each value
        return len(run.translate(None, _HIGH_BYTES)) // 2
    return len(run) // (5 if tag & 7 == _FIXED32 else 9)


class _Scan:
    """One pass over the bytes; `walk` returns or refuses."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.limits = limits
        self.fields = 0
        self.messages = 0
        self.singles = 0

    def walk(self, message: Descriptor, start: int, end: int, path: str) -> None:
        accepted = _accepted(message)
        at = start
        while at < end:
            tag, value = self.varint(at, end, path)
            self.count_single(path)
            field = accepted.get(tag >> 3)
            if field is None:
                raise _unaccepted(message, tag >> 3, path)
            at = self.skip(field, tag & 7, value, end, path)
            if field.packable and tag < _ONE_BYTE:
                at = self.run(tag, at, end, path)

    def run(self, tag: int, at: int, end: int, path: str) -> int:
        """Pass over whole numbers under the same tag; a forest has a million, one by one."""
        found = _run_of(tag).match(self.data, at, end) if tag & 7 != _BYTES else None
        if found is None:
            return at
        self.count_fields(_numbers(tag, found[0]), path)
        return found.end()

    def count_single(self, path: str) -> None:
        self.singles += 1
        if self.singles > self.limits.singles:
            problem = f"more than {self.limits.singles} protobuf fields that stand alone"
            raise BadModel(problem, where=path)
        self.count_fields(1, path)

    def count_fields(self, more: int, path: str) -> None:
        self.fields += more
        if self.fields > self.limits.fields:
            raise BadModel(f"more than {self.limits.fields} protobuf fields", where=path)

    def skip(self, field: _Field, wire: int, at: int, end: int, path: str) -> int:
        """Check the value of one field and return where the next begins."""
        if wire == _BYTES and (field.wire == _BYTES or field.packable):
            return self.block(field, at, end, path)
        if wire != field.wire:
            raise BadModel("a protobuf field of the wrong type", where=f"{path}.{field.name}")
        if wire == _VARINT:
            return self.varint(at, end, path)[1]
        after = at + (4 if wire == _FIXED32 else 8)
        return self.within(after, end, path)

    def block(self, field: _Field, at: int, end: int, path: str) -> int:
        length, start = self.varint(at, end, path)
        stop = self.within(start + length, end, path)
        if field.message is not None:
            self.count_message(path)
            self.walk(field.message, start, stop, f"{path}.{field.name}")
        elif field.text:
            self.check_text(start, stop, f"{path}.{field.name}")
        return stop

    def count_message(self, path: str) -> None:
        self.messages += 1
        if self.messages > self.limits.messages:
            raise BadModel(f"more than {self.limits.messages} protobuf messages", where=path)

    def check_text(self, start: int, stop: int, path: str) -> None:
        if stop - start > self.limits.text:
            raise BadModel(f"a text of more than {self.limits.text} bytes", where=path)
        try:
            self.data[start:stop].decode()
        except UnicodeDecodeError:
            raise BadModel("a text that is not UTF-8", where=path) from None

    def within(self, at: int, end: int, path: str) -> int:
        if at > end:
            raise BadModel("the model is cut short, or is not ONNX", where=f"{path}, byte {end}")
        return at

    def varint(self, at: int, end: int, path: str) -> tuple[int, int]:
        value = 0
        for position in range(at, min(at + 10, end)):
            byte = self.data[position]
            value |= (byte & 0x7F) << 7 * (position - at)
            if byte < 0x80:
                return value, position + 1
        raise BadModel("the model is cut short, or is not ONNX", where=f"{path}, byte {at}")


def _unaccepted(message: Descriptor, number: int, path: str) -> BadModel:
    field = message.fields_by_number.get(number)
    if field is None:
        problem = "a protobuf field that ONNX does not know: is this an ONNX file?"
        return BadModel(problem, where=f"{path}, field {number}")
    return BadModel(
        f"{message.name}.{field.name} is not accepted",
        where=f"{path}.{field.name}",
        remedy=REMEDIES.get(field.name, ""),
    )


def parse(data: bytes, limits: Limits) -> ModelProto:
    """Scan the bytes and, where nothing is amiss, parse them.

    Raises
    ------
    BadModel
        Naming the path of the field, such as `model.graph.node.attribute.g`.
    """
    _Scan(data, limits).walk(ModelProto.DESCRIPTOR, 0, len(data), "model")
    try:
        model: ModelProto = ModelProto.FromString(data)
    except DecodeError:
        raise BadModel("the bytes are not an ONNX model", where="model") from None
    return model
