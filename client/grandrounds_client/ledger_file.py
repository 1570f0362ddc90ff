"""A ledger's lines in a file that only its owner may read."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grandrounds_protocol.errors import WorkFailed


class LedgerFile:
    """Lines in a file. Whoever adds lines has the file to itself meanwhile.

    A line without an end was never acknowledged: its writer died over it, and nothing left.
    It is not read, and the next one takes its place.

    Parameters
    ----------
    path : Path
        Made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, start: int) -> bytes:
        """Return all whole lines from a byte on.

        Raises
        ------
        WorkFailed
        """
        with self._working("read"):
            if not self._path.exists():
                return b""
            with self._path.open("rb") as file:
                file.seek(start)
                data = file.read()
        return data[: data.rfind(b"\n") + 1]

    def append(self, lines: bytes, at: int) -> None:
        """Add lines at byte `at`, synced to the disk before it returns.

        Raises
        ------
        WorkFailed
        """
        with self._working("write"):
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                self._check_end(handle, at)
                os.ftruncate(handle, at)
                _write_all(handle, lines, at)
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, at)
                raise
            finally:
                os.close(handle)

    def _check_end(self, handle: int, at: int) -> None:
        """Refuse to write over lines that another process has added."""
        rest = os.pread(handle, max(0, os.fstat(handle).st_size - at), at)
        if b"\n" in rest or os.fstat(handle).st_size < at:
            raise WorkFailed(
                "another process wrote to the ledger",
                where=str(self._path),
                remedy="run one instance of a site at a time",
            )

    @contextmanager
    def _working(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkFailed(
                f"cannot {verb} the ledger: {error.strerror}",
                where=str(self._path),
                remedy="check the disk's free space and the file's permissions; nothing leaves "
                "until the ledger can be written",
            ) from None


def _write_all(handle: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, at)
        view, at = view[written:], at + written
