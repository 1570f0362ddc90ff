"""Memory that a site and its worker share: arrays cross without being sent."""

import mmap
import os
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Spec = tuple[tuple[int, ...], str]
"""Shape and numpy's name of the type."""

_ALIGNMENT = 64


def new_file() -> int:
    """Return the descriptor of a file that lives in memory and has no name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("grandrounds")
    with TemporaryFile() as file:  # other systems than Linux: unlinked at once
        return os.dup(file.fileno())


def needed(specs: Iterable[Spec]) -> int:
    """Bytes that arrays of these shapes take, one after another."""
    return sum(_aligned(_size(spec)) for spec in specs)


class SharedMemory:
    """A file in memory, mapped; it grows on the site's side only.

    Parameters
    ----------
    descriptor : int
        Of a file that the other side maps too.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map: mmap.mmap | None = None

    def reserve(self, size: int) -> None:
        """Make room for at least so many bytes."""
        if os.fstat(self._descriptor).st_size < size:
            os.ftruncate(self._descriptor, size)

    def write(self, arrays: Sequence[Array]) -> None:
        """Put arrays side by side, from the beginning."""
        at = 0
        for array in arrays:
            flat = np.frombuffer(self._view(at + array.nbytes), np.uint8, array.nbytes, at)
            flat[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            at += _aligned(array.nbytes)

    def read(self, specs: Sequence[Spec]) -> list[Array]:
        """Copy out arrays that were put side by side."""
        at, arrays = 0, []
        for spec in specs:
            size = _size(spec)
            shape, name = spec
            flat = np.frombuffer(self._view(at + size), np.uint8, size, at)
            arrays.append(flat.copy().view(name).reshape(shape))
            at += _aligned(size)
        return arrays

    def _view(self, size: int) -> mmap.mmap:
        length = max(size, 1)
        if self._map is None or len(self._map) < length:
            # arrays over an older mapping keep it until they are gone
            self._map = mmap.mmap(self._descriptor, os.fstat(self._descriptor).st_size or length)
        return self._map


def _size(spec: Spec) -> int:
    shape, name = spec
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(name).itemsize


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
