"""A ledger's lines in a file that only its owner may read, and their head in another beside it."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grandrounds_client.ledger import EMPTY
from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadLedger, OpenToOthers, WorkFailed

_MAX_HEAD_BYTES = 1024


class LedgerFile:
    """Lines in a file. Whoever adds lines has the file to itself meanwhile.

    A line without an end was never acknowledged: its writer died over it, and nothing left.
    It is not read, and the next one takes its place.

    Parameters
    ----------
    path : Path
        Made where it is missing. The head is kept under the same name, ending in `.head`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = path.with_suffix(".head")

    def read(self, start: int) -> bytes:
        """Return all whole lines from a byte on.

        Raises
        ------
        WorkFailed
        OpenToOthers
            If others may read or change the file.
        """
        data = self._read(self._path, start)
        return data[: data.rfind(b"\n") + 1]

    def kept(self) -> LedgerHead:
        """Return the head that was kept beside the lines; that of no line before the first.

        Raises
        ------
        BadLedger
            If there are lines and no head, or one that nobody here wrote.
        WorkFailed, OpenToOthers
        """
        text = self._read(self._head, 0, _MAX_HEAD_BYTES)
        if not text and not self.read(0):
            return EMPTY
        try:
            return from_canonical(LedgerHead, text)
        except ValueError:
            raise BadLedger(
                "the head that was kept beside the ledger is gone, or was changed",
                where=str(self._head),
                remedy="restore it together with the ledger; ask who had access",
            ) from None

    def append(self, lines: bytes, at: int, before: LedgerHead, after: LedgerHead) -> None:
        """Add lines at byte `at`, synced to the disk before it returns, and keep their head.

        The head kept is never more than this one write behind.

        Raises
        ------
        WorkFailed, OpenToOthers
        BadLedger
            If lines are gone that stood before `at`.
        """
        with self._working("write"), self._locked(create=at == 0) as handle:
            self._check_end(handle, at)
            if self._read(self._head, 0, _MAX_HEAD_BYTES) != to_canonical(before):
                self._keep(before)
            try:
                os.ftruncate(handle, at)
                _write_all(handle, lines, at)
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, at)
                raise
            self._keep(after)

    def _keep(self, head: LedgerHead) -> None:
        """Write a head in place: its few bytes reach the disk together."""
        text = to_canonical(head)
        handle = os.open(self._head, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _write_all(handle, text, 0)
            os.ftruncate(handle, len(text))
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _locked(self, *, create: bool) -> Iterator[int]:
        try:
            handle = os.open(self._path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError:
            raise self._gone() from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    def _check_end(self, handle: int, at: int) -> None:
        """Refuse to write over lines of another process, or after lines that are gone."""
        if os.fstat(handle).st_size < at:
            raise self._gone()
        if b"\n" in os.pread(handle, os.fstat(handle).st_size - at, at):
            raise WorkFailed(
                "another process wrote to the ledger",
                where=str(self._path),
                remedy="run one instance of a site at a time",
            )

    def _gone(self) -> BadLedger:
        return BadLedger(
            "the ledger was removed or cut while the site was at work",
            where=str(self._path),
            remedy="restore it from a backup, with the head kept beside it; ask who had access",
        )

    def _read(self, path: Path, start: int, most: int = -1) -> bytes:
        """Read a private file from a byte on; nothing where it is missing."""
        with self._working("read"):
            if not path.exists():
                return b""
            with path.open("rb") as file:
                _check_private(file.fileno(), path)
                file.seek(start)
                return file.read(most)

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


def _check_private(handle: int, path: Path) -> None:
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OpenToOthers(
            "others on this machine may read or change this part of the ledger",
            where=f"{path}, mode {mode:o}",
            remedy=f"chmod 600 {path}; ask who had access",
        )


def _write_all(handle: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, at)
        view, at = view[written:], at + written
