"""One PNG file as an array. Its header is checked before any of it is unpacked."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from grandrounds_protocol.errors import BadInput

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_HEADER = struct.Struct(">8s4x4sIIBB")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {(8, 0): 1, (16, 0): 1, (8, 2): 3}
"""Bits per value and PNG's colour type to channels: grey of 8 or 16 bits, RGB of 8."""
_SLACK = 1 << 20


def read_png(path: Path, shape: tuple[int, int, int]) -> Pixels:
    """Read a picture of exactly this shape: height, width and 1 (grey) or 3 (RGB) channels.

    Size and colours stand in the first bytes and are held against `shape` before anything
    is unpacked, so a small file cannot ask for much memory.

    Returns
    -------
    uint8 or uint16 [H, W, C]

    Raises
    ------
    BadInput
        If the file cannot be read, is no PNG, is damaged, or is of another size or colour.
    """
    try:
        content = _content(path, shape)
        _check_header(path, content, shape)
        with Image.open(BytesIO(content), formats=["PNG"]) as picture:
            pixels = np.asarray(picture)
    except BadInput:
        raise
    except (OSError, SyntaxError, ValueError, struct.error):
        # what Pillow raises for a damaged file, and Python for one that cannot be opened
        raise _unusable(path, "not a readable PNG image", "save the image again") from None
    return pixels.reshape(shape)


def _content(path: Path, shape: tuple[int, int, int]) -> bytes:
    most = 4 * shape[0] * shape[1] * shape[2] + _SLACK
    with path.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise _unusable(path, "the file is far larger than its picture", "save the image again")
    return content


def _check_header(path: Path, content: bytes, shape: tuple[int, int, int]) -> None:
    signature, kind, width, height, bits, colours = _HEADER.unpack_from(content)
    if (signature, kind) != (_SIGNATURE, b"IHDR"):
        raise _unusable(path, "not a readable PNG image", "save the image again")
    if (height, width) != shape[:2]:
        raise _unusable(
            path,
            f"an image of {height} x {width} where {shape[0]} x {shape[1]} is agreed",
            "resize it, or the feature",
        )
    if _KINDS.get((bits, colours)) != shape[2]:
        agreed = "grey" if shape[2] == 1 else "RGB"
        raise _unusable(
            path,
            f"not a plain {agreed} image",
            "save it as grey (8 or 16 bit) for one channel or RGB (8 bit) for three, "
            "without palette or transparency",
        )


def _unusable(path: Path, problem: str, remedy: str) -> BadInput:
    return BadInput(problem, where=str(path), remedy=remedy)
