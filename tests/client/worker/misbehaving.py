"""A worker whose models do what their bytes say: hang, crash, take memory, or answer nonsense.

Bytes that say no deed are a model, and checked and run as everywhere.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_client.worker import serve

DEEDS = {
    b"sound",
    b"crash",
    b"crash while loading",
    b"hang",
    b"allocate 50 GB",
    b"nonsense",
    b"print",
    b"write a file",
}


def misbehaving(data: bytes, *, name: str, algorithm: str, width: int, classes: int) -> Teacher:
    """Stand in for the checks: what passes them is what the worker is there for."""
    if data not in DEEDS:
        return vet(data, name=name, algorithm=algorithm, width=width, classes=classes)
    deed = data.decode()
    if deed == "crash while loading":
        os._exit(1)

    def predict(rows: Rows) -> Probabilities:
        if deed == "hang":
            time.sleep(3600)
        if deed == "crash":
            os.abort()
        if deed == "allocate 50 GB":
            np.ones(50 * 2**30, np.uint8)
        if deed == "print":
            os.write(1, b"a patient's value")
        if deed == "write a file":
            Path("left-behind").write_bytes(b"a patient's value")
        share = 7.0 if deed == "nonsense" else 1 / classes
        return np.full((len(rows), classes), share, np.float32)

    return Teacher(name, algorithm, np.arange(width), classes, predict)


if __name__ == "__main__":
    serve.__dict__["vet"] = misbehaving
    serve.main(*(int(argument) for argument in sys.argv[1:4]))
