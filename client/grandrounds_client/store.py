"""A site's store on disk: what it keeps outlives the process that wrote it.

Each change is one file, a batch: all its keys and values together, written aside, synced
and renamed. A rename happens or does not, so a reader finds a batch whole or not at all,
even after a kill in the middle. The newest batch that names a key decides. Keys stand
inside the files and never become paths.

Who opens a store looks into every batch, and a batch keeps what was forgotten since. So many
batches are merged into one that holds what is known now, and go.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grandrounds_protocol.errors import BadInput, WorkFailed

_BATCH, _PART, _LOCK = ".batch", ".part", "lock"
_LAST = "~"
"""Sorts behind all that stands in the random part of a name."""
_MOST = 32
"""Batches; with one more all are merged."""
_LENGTH = 8
"""Bytes at a batch's start that hold the length of its table of contents."""


@dataclass(frozen=True)
class _Place:
    batch: str
    start: int
    size: int


class DirectoryStore(MutableMapping[str, bytes]):
    """Bytes by name, in a folder of their own.

    `update` of many keys is one change: a later reader sees all of it or none. One process
    writes at a time; any number may read, and each sees what was written before it looked.

    Parameters
    ----------
    folder : Path
        Made where it is missing, readable by its owner only.

    Raises
    ------
    BadInput
        If the folder cannot be made or used.
    WorkFailed
        Later, if a batch cannot be written, or was damaged.

    Examples
    --------
    >>> folder = tempfile.TemporaryDirectory()
    >>> DirectoryStore(Path(folder.name)).update({"run/model": b"onnx", "run/reply": b"yes"})
    >>> sorted(DirectoryStore(Path(folder.name)))
    ['run/model', 'run/reply']
    >>> folder.cleanup()
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()
        self._places: dict[str, _Place] = {}
        self._swept = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"cannot use the site's store: {error.strerror}",
                where=str(folder),
                remedy="name a folder that this user may read and write",
            ) from None

    def __getitem__(self, key: str) -> bytes:
        place = self._look()[key]
        with self._working("read"):
            try:
                return self._value(place)
            except FileNotFoundError:  # merged since the look
                return self._value(self._look()[key])

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._look()))

    def __len__(self) -> int:
        return len(self._look())

    def __setitem__(self, key: str, value: bytes) -> None:
        self._write({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self._look():
            raise KeyError(key)
        self._write({key: None})

    def update(self, *changes: Any, **named: bytes) -> None:
        """Change many keys at once: all of them, or none."""
        self._write(dict(*changes, **named))

    def clear(self) -> None:
        """Forget every key, at once."""
        self._write(dict.fromkeys(self))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one at work here: another waits until this one is done, or was killed.

        Raises
        ------
        WorkFailed
        """
        with self._working("lock"):
            handle = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, changes: Mapping[str, bytes | None]) -> None:
        if not changes:
            return
        contents = [(key, None if value is None else len(value)) for key, value in changes.items()]
        head = json.dumps(contents).encode()
        values = [value for value in changes.values() if value is not None]
        with self._working("write"):
            self._sweep()
            number = 1 + max((_number(name) for name in self._batches()), default=0)
            self._commit(_prefix(number), head, values)
        if len(self._batches()) > _MOST:
            # without room all stays as it is, and holds; the next change tries again
            with suppress(OSError):
                self._merge()

    def _merge(self) -> None:
        """Write what is known now as one batch, then take away all before it."""
        known, old = dict(self._look()), sorted(self._read)
        head = json.dumps([(key, place.size) for key, place in known.items()]).encode()
        # it comes behind the last of them, and before any that is written meanwhile
        prefix = f"{_prefix(_number(old[-1]))}{_LAST}"
        self._commit(prefix, head, (self._value(place) for place in known.values()))
        # the oldest first: a kill in between must bring nothing back that was forgotten
        for name in old:
            (self._folder / name).unlink()
        _sync(self._folder)

    def _sweep(self) -> None:
        """Take away what a killed writer left; a reader must not, as a writer may be at work."""
        if not self._swept:
            for part in self._folder.glob(f"*{_PART}"):
                part.unlink()
            self._swept = True

    def _commit(self, prefix: str, head: bytes, values: Iterable[bytes]) -> None:
        # the random part of the name keeps a second writer, against the rule, from
        # replacing the first one's batch
        handle, name = tempfile.mkstemp(_PART, prefix, self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines([len(head).to_bytes(_LENGTH, "little"), head])
                file.writelines(values)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, name.removesuffix(_PART) + _BATCH)  # noqa: PTH105 (name is text)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108 (likewise)
            raise
        _sync(self._folder)

    def _look(self) -> dict[str, _Place]:
        """Take in the batches written since the last look."""
        with self._working("read"):
            try:
                self._take_in_new()
            except FileNotFoundError:  # merged while we looked
                self._take_in_new()
        return self._places

    def _take_in_new(self) -> None:
        names = self._batches()
        if not self._read <= set(names):  # merged: what is not in the merged one was forgotten
            self._read, self._places = set(), {}
        for name in names:
            if name not in self._read:
                self._take_in(name)

    def _value(self, place: _Place) -> bytes:
        with (self._folder / place.batch).open("rb") as file:
            file.seek(place.start)
            return file.read(place.size)

    def _batches(self) -> list[str]:
        names = os.listdir(self._folder)  # noqa: PTH208 (names are all we need)
        return sorted(name for name in names if name.endswith(_BATCH))

    def _take_in(self, name: str) -> None:
        contents, start = _table_of_contents(self._folder / name)
        for key, size in contents:
            self._places.pop(key, None)
            if size is not None:
                self._places[key] = _Place(name, start, size)
                start += size
        self._read.add(name)

    @contextmanager
    def _working(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkFailed(
                f"cannot {verb} the site's store: {error.strerror}",
                where=str(self._folder),
                remedy="check the disk's free space and the folder's permissions",
            ) from None


def _prefix(number: int) -> str:
    """Return how a batch's name begins: names sort as batches were written."""
    return f"{number:012d}-"


def _number(name: str) -> int:
    return int(name.partition("-")[0])


def _table_of_contents(path: Path) -> tuple[list[tuple[str, int | None]], int]:
    """Return keys with sizes, and where the first value starts."""
    with path.open("rb") as file:
        head = int.from_bytes(file.read(_LENGTH), "little")
        whole = os.fstat(file.fileno()).st_size
        with suppress(ValueError, TypeError):
            contents = json.loads(file.read(head if head <= whole else 0))
            if _LENGTH + head + sum(size or 0 for _, size in contents) == whole:
                return contents, _LENGTH + head
    raise WorkFailed(
        "a file of the site's store is damaged",
        where=str(path),
        remedy="restore the folder from a backup, or start the run anew with an empty one",
    )


def _sync(folder: Path) -> None:
    """Make a rename in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
