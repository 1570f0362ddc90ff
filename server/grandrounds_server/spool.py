"""Where the payloads of a round lie while they wait: on disk, not in the coordinator's memory."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Protocol

from grandrounds_protocol.errors import WorkFailed


@dataclass(frozen=True)
class Place:
    """Where one payload lies, in bytes from the spool's start."""

    start: int
    size: int


Bytes = bytes | bytearray | memoryview


class Spool(Protocol):
    """Keeps the payloads of one round."""

    def put(self, payload: Bytes) -> Place:
        """Keep a payload; return where it lies."""
        ...

    def take(self, place: Place) -> bytes:
        """Return a payload; it stays, for its other recipients."""
        ...


OpenSpool = Callable[[], AbstractContextManager[Spool]]
"""Opens a spool for one round; closed, nothing is left of it."""


@contextmanager
def on_disk() -> Iterator[Spool]:
    """Keep payloads in one file of the temporary folder that only its owner could read.

    The file has no name: however this process ends, nothing is left of it.

    Raises
    ------
    WorkFailed
        If there is no room; `put` and `take` likewise.
    """
    with ExitStack() as stack:
        with _working():
            file = stack.enter_context(tempfile.TemporaryFile(prefix="grandrounds-"))
        yield _File(file)


class _File:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def put(self, payload: Bytes) -> Place:
        with _working():
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(payload)
        return Place(start, len(payload))

    def take(self, place: Place) -> bytes:
        with _working():
            self._file.seek(place.start)
            return self._file.read(place.size)


@contextmanager
def _working() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkFailed(
            f"the coordinator cannot keep a round's payloads: {error.strerror}",
            where=tempfile.gettempdir(),
            remedy="free space there, or set TMPDIR to a folder on a larger disk",
        ) from None
