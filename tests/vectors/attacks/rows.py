"""Virtual rows that are none: 3 columns, 2 classes, 2 teachers, at most 10 rows."""

import json
import struct
from typing import Any

import numpy as np
from safetensors.numpy import save

from grandrounds_protocol.instances import Bounds, VirtualInstances

BOUNDS = Bounds(columns=3, classes=2, teachers=2, rows=10)
Declared = dict[str, Any]


def sound(rows: int = 2) -> VirtualInstances:
    """Return rows that nothing is wrong with."""
    x = np.full((rows, BOUNDS.columns), 0.5, np.float32)
    return VirtualInstances(x, np.zeros(rows, np.int32), np.ones(rows, np.int32))


def _changed(**tensors: Any) -> bytes:
    good = sound()
    return save({"x": good.x, "y": good.y, "teacher": good.teacher} | tensors)


def _x(number: float) -> bytes:
    x = sound().x
    x[1, 2] = number
    return _changed(x=x)


def _header(rows: int = 2) -> Declared:
    """Return what is declared of so many rows, one tensor behind another."""
    sizes = {"x": ("F32", [rows, 3]), "y": ("I32", [rows]), "teacher": ("I32", [rows])}
    header: Declared = {}
    at = 0
    for name, (dtype, shape) in sizes.items():
        end = at + 4 * int(np.prod(shape))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, end]}
        at = end
    return header


def _packed(header: Declared | bytes, body: int = 40, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(body)


def _declared(tensor: str, **fields: Any) -> bytes:
    header = _header()
    header[tensor] |= fields
    return _packed(header)


def rows() -> dict[str, tuple[bytes, str]]:
    good = _packed(_header())
    text = json.dumps(_header())
    integers = np.array
    return {
        "empty": (b"", "length of the header"),
        "pickle": (b"\x80\x04N.", "length of the header"),
        "csv": (b"age,sex,outcome\n1,2,3\n", "length of the header"),
        "header-length-cut": (b"\x10\x00\x00", "length of the header"),
        "header-of-2-63": (_packed(_header(), length=2**63), "length of the header"),
        "header-too-long-by-one": (_packed(b"{}", 0, length=3), "length of the header"),
        "header-of-5-kilobytes": (_packed(text.encode() + b" " * 5000), "length of the header"),
        "header-shorter-than-it-is": (_packed(_header(), length=20), "header"),
        "header-not-json": (_packed(b"\x80\x04N."), "header"),
        "header-not-utf8": (_packed(b'{"x\xff":1}'), "header"),
        "header-deep": (_packed(b"[" * 4000), "header"),
        "header-a-list": (_packed(b"[]"), "header"),
        "header-empty": (_packed(b"{}"), "field x"),
        "tensor-twice": (_packed((text[:-1] + f", {text[1:]}").encode()), "header"),
        "tensor-missing": (
            _packed({k: v for k, v in _header().items() if k != "teacher"}),
            "field teacher",
        ),
        "tensor-extra": (_changed(names=np.zeros(2, np.float32)), "field names"),
        "tensor-extra-nasty": (_changed(**{"\x1b[2J": np.zeros(2, np.float32)}), r"\x1b"),
        "metadata": (_packed(_header() | {"__metadata__": {"k": "v"}}), "__metadata__"),
        "metadata-bomb": (
            _packed(_header() | {"__metadata__": {"k": "v" * 10_000}}),
            "length of the header",
        ),
        "field-unknown": (_declared("x", location="/etc/passwd"), "x.location"),
        "dtype-missing": (
            _packed(_header() | {"y": {"shape": [2], "data_offsets": [24, 32]}}),
            "y.dtype",
        ),
        "shape-negative": (_declared("x", shape=[-2, 3]), "x.shape.0"),
        "shape-of-halves": (_declared("x", shape=[2.5, 3]), "x.shape.0"),
        "shape-infinite": (_packed(text.replace("[2, 3]", "[1e999, 3]").encode()), "x.shape.0"),
        "shape-of-text": (_declared("x", shape=["two", 3]), "x.shape.0"),
        "shape-of-nine": (_declared("x", shape=[2, 3] + [1] * 7), "x.shape"),
        "shape-of-none": (_declared("x", shape=[]), "tensor x"),
        "shape-of-2-63": (_declared("x", shape=[2**63, 3]), "tensor x"),
        "shape-of-2-62-by-4": (_declared("x", shape=[2**62, 4]), "tensor x"),
        "shape-overflows": (_declared("x", shape=[2, 2**62]), "tensor x"),
        "10-million-declared": (_packed(_header(10**7)), "10000000 rows"),
        "eleven-rows": (sound(11).to_bytes(), "11 rows"),
        "offsets-overlap": (_declared("y", data_offsets=[20, 28]), "offsets"),
        "offsets-backwards": (_declared("y", data_offsets=[32, 24]), "offsets"),
        "offsets-outside": (_declared("teacher", data_offsets=[2**40, 2**40 + 8]), "offsets"),
        "offsets-negative": (_declared("y", data_offsets=[-8, 0]), "y.data_offsets.0"),
        "offsets-of-three": (_declared("y", data_offsets=[24, 32, 40]), "y.data_offsets"),
        "offsets-with-a-hole": (
            _packed(
                _header() | {"teacher": {**_header()["teacher"], "data_offsets": [40, 48]}}, 48
            ),
            "offsets",
        ),
        "data-cut": (good[:-1], "offsets"),
        "data-appended": (good + b"\x00", "offsets"),
        "zip-appended": (good + b"PK\x03\x04", "offsets"),
        "double": (_changed(x=sound().x.astype(np.float64)), "tensor x"),
        "half": (_changed(x=sound().x.astype(np.float16)), "tensor x"),
        "labels-of-64-bit": (_changed(y=np.zeros(2, np.int64)), "tensor y"),
        "labels-as-float": (_changed(y=np.zeros(2, np.float32)), "tensor y"),
        "teachers-unsigned": (_changed(teacher=np.zeros(2, np.uint32)), "tensor teacher"),
        "dtype-unknown": (_declared("x", dtype="F33"), "tensor x"),
        "dtype-of-4-bits": (_declared("x", dtype="F4"), "tensor x"),
        "nan": (_x(np.nan), "tensor x"),
        "infinite": (_x(np.inf), "tensor x"),
        "minus-infinite": (_x(-np.inf), "tensor x"),
        "1e38": (_x(1e38), "tensor x"),
        "just-above-one": (_x(float(np.nextafter(np.float32(1), np.float32(2)))), "tensor x"),
        "just-below-zero": (_x(-1e-45), "tensor x"),
        "label-too-large": (_changed(y=integers([0, 2], np.int32)), "tensor y"),
        "label-negative": (_changed(y=integers([0, -1], np.int32)), "tensor y"),
        "label-smallest": (_changed(y=integers([0, -(2**31)], np.int32)), "tensor y"),
        "teacher-too-large": (_changed(teacher=integers([0, 2], np.int32)), "tensor teacher"),
        "teacher-negative": (_changed(teacher=integers([0, -1], np.int32)), "tensor teacher"),
        "wider": (_changed(x=np.zeros((2, 4), np.float32)), "tensor x"),
        "narrower": (_changed(x=np.zeros((2, 2), np.float32)), "tensor x"),
        "flat": (_changed(x=np.zeros(6, np.float32)), "tensor x"),
        "turned": (_changed(x=np.zeros((3, 2), np.float32)), "tensor x"),
        "labels-in-columns": (_changed(y=np.zeros((2, 1), np.int32)), "tensor y"),
        "fewer-labels": (_changed(y=np.zeros(1, np.int32)), "tensor y"),
        "more-teachers": (_changed(teacher=np.zeros(3, np.int32)), "tensor teacher"),
    }


def large_rows() -> dict[str, tuple[bytes, str]]:
    """Return what is too large to store."""
    return {"10-million-sent": (_packed(_header(10**7), 20 * 10**7), "10000000 rows")}
