"""What a family of attacks looks like, and how one is made of a sound graph."""

from collections.abc import Callable

import onnx
from onnx import TensorProto

from tests.vectors.sound import network

Family = dict[str, tuple[bytes | onnx.ModelProto, str]]
"""Name to a file, or a graph to write, and what its refusal must say."""


def changed(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    """Return the network after a change."""
    whole = network()
    change(whole)
    return whole


def before(*nodes: onnx.NodeProto, stored: list[TensorProto]) -> onnx.ModelProto:
    """Return the network with nodes between its input and its product."""
    whole = network(*nodes, stored=stored)
    whole.graph.node[-2].input[0] = "y"
    return whole


def block(field: int, content: bytes) -> bytes:
    """Return one length-delimited protobuf field."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """Return a number in protobuf's base 128."""
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])
