"""Images and labels in IDX files, as MNIST and its kin come; `.gz` is unpacked on the way.

Four bytes of magic (0, 0, type, number of axes), each axis as a big-endian 32-bit number,
then the values. Only type 8, unsigned bytes, is read.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from grandrounds_protocol.errors import BadInput

Bytes = npt.NDArray[np.uint8]

MOST_BYTES = 1 << 30
"""Values one file may hold: four times as many bytes once encoded."""
DEFLATE_RATIO = 1032
"""No gzip file unpacks to more than this many times its length."""
_UNSIGNED = 8


def read_idx(path: Path, item: tuple[int, ...]) -> Bytes:
    """Read an IDX file of items of the given shape, `()` for labels.

    What the header promises is held against the file's length before anything of that
    size is allocated, and no more than that is unpacked.

    Returns
    -------
    uint8 [N, *item]

    Raises
    ------
    BadInput
        If the file is missing, is no IDX file of such items, or is cut or too long.
    """
    try:
        with _opened(path) as stream:
            rows = _rows(stream, path, item)
            size = rows * math.prod(item)
            _check_size(path, size, header=_header_size(item))
            # one byte more than promised shows that there is more
            content = stream.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _unusable(path, "the file cannot be unpacked", "copy it again") from None
    except OSError as error:
        problem = f"cannot read the file: {error.strerror or 'not a readable file'}"
        raise _unusable(path, problem, "check `data` and `labels` in site.toml") from None
    if len(content) != size:
        how = "more" if len(content) > size else "less"
        raise _unusable(path, f"the file holds {how} than its header says", "copy it again")
    return np.frombuffer(content, np.uint8).reshape(rows, *item)


def _opened(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


def _rows(stream: BinaryIO, path: Path, item: tuple[int, ...]) -> int:
    """Read the header; return the number of items."""
    head = stream.read(_header_size(item))
    axes = 1 + len(item)
    if len(head) < _header_size(item) or head[:4] != bytes((0, 0, _UNSIGNED, axes)):
        raise _unusable(
            path,
            f"not an IDX file of unsigned bytes with {axes} {'axis' if axes == 1 else 'axes'}",
            "name images under `data` and their labels under `labels` in site.toml",
        )
    rows, *shape = struct.unpack(f">{axes}I", head[4:])
    if tuple(shape) != item:
        found, wanted = (" x ".join(map(str, sides)) for sides in (shape, item))
        raise _unusable(
            path, f"images of {found} where {wanted} is agreed", "resize them, or the feature"
        )
    return int(rows)


def _header_size(item: tuple[int, ...]) -> int:
    return 4 + 4 * (1 + len(item))


def _check_size(path: Path, size: int, header: int) -> None:
    length = path.stat().st_size
    packed = path.suffix.lower() == ".gz"
    if size + header > (length * DEFLATE_RATIO if packed else length):
        raise _unusable(path, "the file holds less than its header says", "copy it again")
    if size > MOST_BYTES:
        raise _unusable(
            path, f"{size} values, at most {MOST_BYTES} are read", "split the site's file"
        )


def _unusable(path: Path, problem: str, remedy: str) -> BadInput:
    return BadInput(problem, where=str(path), remedy=remedy)
