"""The coordinator's one database: SQLite in a file that only its owner may read."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from grandrounds_protocol.errors import BadInput, GrandRoundsError, VersionSkew, WorkFailed

T = TypeVar("T")
NAME = "runs.sqlite"
FORMAT = 1
"""Another number is another layout of the tables."""
_APPLICATION = 0x47525253
"""What SQLite keeps at the start of a file to say whose it is."""
_DIGEST = hashlib.sha256().digest_size
_BUSY = 30.0
"""Seconds to wait while another process writes."""
_WAL_BYTES = 8 << 20
"""To what the write-ahead log is cut back."""
_TABLES = """
CREATE TABLE runs (
    name TEXT PRIMARY KEY, plan BLOB NOT NULL, head BLOB, status TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', digest TEXT NOT NULL DEFAULT '',
    stop INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE records (
    run TEXT NOT NULL, place INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, event BLOB NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run, number);
"""


class Database:
    """Tables for runs, the records of their rounds, and what happened.

    Every change is on the disk when it returns: a write-ahead log, synced at each commit.

    Parameters
    ----------
    folder : Path
        Where `runs.sqlite` lies, or is made.
    look : bool
        Whether to look only: nothing is made or changed.

    Raises
    ------
    BadInput
        If it is to be looked at and is not there, or cannot be used.
    VersionSkew
        If another release made it.
    WorkFailed
        If it is damaged, or the disk is full; likewise later.
    """

    def __init__(self, folder: Path, *, look: bool = False) -> None:
        self.path = folder / NAME
        if look and not self.path.exists():
            raise BadInput(
                "no run was begun here",
                where=str(folder),
                remedy="grandrounds coordinator run begins one",
            )
        with self.working():
            if not self.path.exists():
                _make(self.path)
            self._connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={'ro' if look else 'rw'}",
                uri=True,
                timeout=_BUSY,
                isolation_level=None,
            )
        try:
            self._prepare(look=look)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; a change that was not finished never was."""
        self._connection.close()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds.

        Raises
        ------
        WorkFailed
        """
        with self.working():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[Callable[..., int]]:
        """Change several rows at once: all of it happens, or nothing does.

        Gives what executes a statement and returns how many rows it changed.

        Raises
        ------
        WorkFailed
        """
        with self.working():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield lambda text, *values: self._connection.execute(text, values).rowcount
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def working(self) -> Iterator[None]:
        """Turn whatever SQLite or the disk says into one line and its remedy."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._named(error) from None
        except OSError as error:
            raise BadInput(
                f"cannot use the run database: {error.strerror}",
                where=str(self.path),
                remedy="check the folder and its permissions",
            ) from None

    def damaged(self, what: str) -> WorkFailed:
        """Say that something in it does not hold."""
        return WorkFailed(
            f"the run database is damaged: {what}",
            where=str(self.path),
            remedy="restore the state folder from a backup, or move it away and begin a run with a "
            "--run NAME that no site has seen",
        )

    def unpack(self, kind: TypeAdapter[T], data: object, what: str) -> T:
        """Read a value back, and only if it is the very one that was written.

        Raises
        ------
        WorkFailed
            If its digest is another.
        VersionSkew
            If its digest holds and it is of another shape.
        """
        if not isinstance(data, bytes):
            raise self.damaged(what)
        text = data[_DIGEST:]
        if hashlib.sha256(text).digest() != data[:_DIGEST]:
            raise self.damaged(what)
        try:
            value = kind.validate_json(text, strict=True)
        except ValidationError:
            raise self._other_release() from None
        if kind.dump_json(value) != text:
            raise self._other_release()
        return value

    def _prepare(self, *, look: bool) -> None:
        with self.working():
            (found,) = self._connection.execute("PRAGMA application_id").fetchone()
            if found != _APPLICATION:
                raise self.damaged("it is empty, or another program's")
            if not look:
                self._begin_writing()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version != FORMAT:
            raise self._other_release()

    def _begin_writing(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL").fetchone()
        run("PRAGMA synchronous = FULL")
        run(f"PRAGMA journal_size_limit = {_WAL_BYTES}").fetchone()
        (said,) = run("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise self.damaged("its pages do not fit together")

    def _other_release(self) -> VersionSkew:
        return VersionSkew(
            "the run database was written by another release of grandrounds",
            where=str(self.path),
            remedy="end its runs with that release, or move the file away and begin a run with a "
            "--run NAME that no site has seen",
        )

    def _named(self, error: sqlite3.DatabaseError) -> GrandRoundsError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return self.damaged("its pages do not fit together")
        return WorkFailed(
            f"cannot use the run database: {error}",
            where=str(self.path),
            remedy="check the disk's free space and the file's permissions; what was kept before "
            "holds, and --resume goes on from there",
        )


def _make(path: Path) -> None:
    """Make an empty database, whole or not at all: others may look at any moment."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(part)) as connection:
        connection.executescript(
            f"BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION};"
            f"PRAGMA user_version = {FORMAT}; COMMIT;"
        )
    part.replace(path)


def pack(kind: TypeAdapter[T], value: T) -> bytes:
    """Write a value as JSON behind its own digest."""
    text = kind.dump_json(value)
    return hashlib.sha256(text).digest() + text
