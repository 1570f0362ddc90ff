"""Bytes that are not ONNX, or not all of it."""

import io
import pickle
import zipfile
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
import torch

from tests.vectors.attacks.family import Family, block
from tests.vectors.sound import network

CANARY = "grandrounds_vector_was_unpickled"
"""A module that unpickling one of the files would try to import."""


class _Canary:
    """Pickles to a call of a module that must never be imported."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (__import__, (CANARY,))


def foreign() -> Family:
    packed, archive, saved = io.BytesIO(), io.BytesIO(), io.BytesIO()
    joblib.dump(_Canary(), packed, compress=3)
    with zipfile.ZipFile(archive, "w") as folder:
        folder.writestr(zipfile.ZipInfo("model.onnx"), network().SerializeToString())
    torch.save({"weight": torch.zeros(2)}, saved)
    noise = np.random.default_rng(0).integers(0, 256, 500, dtype=np.uint8).tobytes()
    return {
        "pickle": (pickle.dumps(_Canary()), "pickle"),
        "pickle-text": (pickle.dumps(_Canary(), protocol=0), "pickle"),
        "joblib": (packed.getvalue(), "joblib"),
        "torch-zip": (saved.getvalue(), "zip"),
        "zip-around-onnx": (archive.getvalue(), "zip"),
        "empty": (b"", "empty"),
        "random-bytes": (noise, "model"),
        "text": (b"weights: [1, 2, 3]\n", "model"),
    }


def broken() -> Family:
    whole = network().SerializeToString()
    nested = b""
    for _ in range(200):  # sequence_type.elem_type.sequence_type...
        nested = block(4, block(1, nested)) if len(nested) < 2000 else nested
    typed = block(7, block(11, block(1, b"X") + block(2, nested)))
    return {
        "truncated": (whole[:-7], "cut short"),
        "unknown-field": (whole + block(99, b"x"), "field 99"),
        "length-lies": (whole + b"\x3a\xff\xff\xff\xff\x0f", "cut short"),
        "text-not-utf8": (whole + block(2, b"\xff\xfe"), "producer_name"),
        "deep-nesting": (b"\x08\x08" + typed, "sequence_type"),
    }
