"""A change of an image, pixel by pixel, as a small PNG inside the page."""

from base64 import b64encode
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from grandrounds_protocol.schema import Image

_UP, _DOWN = (47, 123, 196), (205, 92, 36)
"""Middle tones: both stand out on a light and on a dark page, and to colour-blind eyes."""
_SIDE = 64
"""Larger pictures are averaged down to at most about this many pixels a side."""


def pixels(change: npt.NDArray[np.float64], image: Image) -> npt.NDArray[np.float64]:
    """Mean over the channels of a flat change, [H, W], averaged down if large."""
    height, width, channels = image.shape
    flat = change.reshape(height, width, channels).mean(axis=2)
    block = max(1, -(-max(height, width) // _SIDE))
    rows = np.add.reduceat(flat, np.arange(0, height, block), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, width, block), axis=1)
    counts = np.outer(_sizes(height, block), _sizes(width, block))
    averaged: npt.NDArray[np.float64] = sums / counts
    return averaged


def _sizes(length: int, block: int) -> npt.NDArray[np.int64]:
    starts = np.arange(0, length, block)
    return np.minimum(starts + block, length) - starts


def data_uri(values: npt.NDArray[np.float64], largest: float) -> str:
    """Draw -largest..largest from orange to blue; nothing where nothing changes."""
    strength = np.clip(np.abs(values) / (largest or 1), 0, 1)
    picture = np.empty((*values.shape, 4), np.uint8)
    picture[..., :3] = np.where(values[..., None] < 0, _DOWN, _UP)
    picture[..., 3] = np.rint(255 * strength)
    file = BytesIO()
    Pillow.fromarray(picture).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
