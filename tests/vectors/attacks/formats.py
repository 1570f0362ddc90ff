"""What a peer, or a proxy on the way, may send in place of ONNX."""

import gzip
import io
import json

import numpy as np
from safetensors.numpy import save

from tests.vectors.attacks.family import Family, block
from tests.vectors.sound import network

_PAGE = b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n"


def formats() -> Family:
    whole = network().SerializeToString()
    array = io.BytesIO()
    np.save(array, np.zeros(2, np.float32))
    packed = gzip.compress(whole, mtime=0)
    return {
        "gzip-around-onnx": (packed, "gzip"),
        "numpy": (array.getvalue(), "numpy"),
        "safetensors": (save({"weight": np.zeros((2, 2), np.float32)}), "model"),
        "html": (_PAGE, "model"),
        "json": (json.dumps({"learner": {"gradient_booster": {}}}).encode(), "model"),
        "onnx-as-text": (str(network()).encode(), "model"),
        "onnxruntime-format": (b"\x20\x00\x00\x00ORTM" + bytes(64), "model"),
        "parquet": (b"PAR1" + bytes(32) + b"PAR1", "model"),
        "shared-library": (b"\x7fELF\x02\x01\x01" + bytes(57), "model"),
        "byte-order-mark": (b"\xef\xbb\xbf" + whole, "model"),
        "zeros": (bytes(64), "field 0"),
    }


def cuts() -> Family:
    """Return the sound network, cut at several points, or with something behind it."""
    whole = network().SerializeToString()
    shares = {"start": 1, "quarter": len(whole) // 4, "half": len(whole) // 2}
    points = shares | {"last-byte": len(whole) - 1}
    zipped = b"PK\x03\x04" + bytes(26)
    cut: Family = {f"cut-{name}": (whole[:point], "model") for name, point in points.items()}
    return cut | {
        "zeros-appended": (whole + bytes(8), "field 0"),
        "zip-appended": (whole + zipped, "model"),
        "pickle-appended": (whole + b"\x80\x04N.", "model"),
        "second-model-appended": (whole + whole, "input[1]"),
        "only-a-header": (whole[:2], "opset_import"),
        "group-field": (whole + b"\x0b\x0c", "model"),
        "varint-of-eleven-bytes": (b"\x08" + b"\xff" * 10 + b"\x01", "model"),
        "field-of-another-wire-type": (b"\x0a\x01\x08" + whole, "ir_version"),
        "graph-of-two-gigabytes": (block(7, b"")[:1] + b"\xff\xff\xff\xff\x07", "cut short"),
    }
