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


_ROOM = "free space there, or set TMPDIR to a folder on a larger disk"
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
        with disk_errors(tempfile.gettempdir(), _ROOM):
            file = stack.enter_context(tempfile.TemporaryFile(prefix="grandrounds-"))
        yield SpoolFile(file, tempfile.gettempdir(), _ROOM)


class SpoolFile:
    """A spool in an open file, which may hold payloads already.

    Parameters
    ----------
    file : binary file
    where, remedy : str
        For the error's text, where there is no room.
    """

    def __init__(self, file: IO[bytes], where: str, remedy: str) -> None:
        self._file = file
        self._where = where
        self._remedy = remedy

    def put(self, payload: Bytes) -> Place:
        """Keep a payload behind the others.

        Raises
        ------
        WorkFailed
        """
        with disk_errors(self._where, self._remedy):
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(payload)
        return Place(start, len(payload))

    def take(self, place: Place) -> bytes:
        """Return a payload.

        Raises
        ------
        WorkFailed
        """
        with disk_errors(self._where, self._remedy):
            self._file.seek(place.start)
            return self._file.read(place.size)


@contextmanager
def disk_errors(where: str, remedy: str) -> Iterator[None]:
    """Say what the disk refused, and what to do about it."""
    try:
        yield
    except OSError as error:
        raise WorkFailed(
            f"the coordinator cannot keep a round's payloads: {error.strerror}",
            where=where,
            remedy=remedy,
        ) from None
