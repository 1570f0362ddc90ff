"""A site's store on disk: what it keeps outlives the process that wrote it.

Each change is one file, a batch: all its keys and values together, written aside, synced
and renamed. A rename happens or does not, so a reader finds a batch whole or not at all,
even after a kill in the middle. The newest batch that names a key decides. Keys stand
inside the files and never become paths.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grandrounds_protocol.errors import BadInput, WorkFailed

_BATCH, _PART = ".batch", ".part"
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
        with self._working("read"), (self._folder / place.batch).open("rb") as file:
            file.seek(place.start)
            return file.read(place.size)

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

    def _write(self, changes: Mapping[str, bytes | None]) -> None:
        if not changes:
            return
        contents = [(key, None if value is None else len(value)) for key, value in changes.items()]
        head = json.dumps(contents).encode()
        values = [value for value in changes.values() if value is not None]
        with self._working("write"):
            self._sweep()
            self._commit([len(head).to_bytes(_LENGTH, "little"), head, *values])

    def _sweep(self) -> None:
        """Take away what a killed writer left; a reader must not, as a writer may be at work."""
        if not self._swept:
            for part in self._folder.glob(f"*{_PART}"):
                part.unlink()
            self._swept = True

    def _commit(self, parts: list[bytes]) -> None:
        # the random part of the name keeps a second writer, against the rule, from
        # replacing the first one's batch
        number = int(max(self._batches(), default="0").partition("-")[0]) + 1
        handle, name = tempfile.mkstemp(_PART, f"{number:012d}-", self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(parts)
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
            for name in self._batches():
                if name not in self._read:
                    self._take_in(name)
        return self._places

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
