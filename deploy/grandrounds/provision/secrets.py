"""Files that nobody else may read: written so from their first byte, refused otherwise."""

import os
import stat
from pathlib import Path

from grandrounds_protocol.errors import BadInput, OpenToOthers

OWNER_ONLY = 0o600
FOLDER_MODE = 0o700


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, with those above it.

    Raises
    ------
    BadInput
    """
    try:
        # one by one: `parents=True` would leave those above open to others
        for each in (*reversed(folder.parents), folder):
            if not each.is_dir():
                each.mkdir(mode=FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise _cannot("make", folder, error) from None


def check_private_folder(folder: Path) -> None:
    """Refuse a folder that others may look into, or put their own files in; none is none.

    Raises
    ------
    OpenToOthers
    """
    if folder.is_dir():
        _check_mode(folder, "others on this machine may enter this private folder", FOLDER_MODE)


def write_new(path: Path, data: bytes, mode: int = OWNER_ONLY) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises
    ------
    BadInput
        If it is there already, or cannot be written.
    """
    if path.exists():
        raise BadInput(
            "the file is there already, and is not written over",
            where=str(path),
            remedy="name another folder, or move the file away if you are sure",
        )
    replace(path, data, mode)


def replace(path: Path, data: bytes, mode: int = OWNER_ONLY) -> None:
    """Write a file, whole or not at all, in place of what is there.

    Raises
    ------
    BadInput
    """
    part = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _cannot("write", path, error) from None


def read_secret(path: Path) -> str:
    """Read a file that only its owner may read.

    Raises
    ------
    OpenToOthers
        If others may read or change it.
    BadInput
        If it cannot be read.
    """
    try:
        _check_mode(path, "others on this machine may read this key", OWNER_ONLY)
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise _cannot("read", path, error) from None


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file of at most so many bytes.

    Raises
    ------
    BadInput
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise _cannot("read", path, error) from None
    if len(data) > most:
        raise BadInput(f"the file is larger than {most} bytes", where=str(path))
    return data


def _check_mode(path: Path, problem: str, wanted: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OpenToOthers(
            problem,
            where=f"{path}, mode {mode:o}",
            remedy=f"chmod {wanted:o} {path}; if others had access, make new keys",
        )


def _cannot(verb: str, path: Path, error: Exception) -> BadInput:
    reason = error.strerror if isinstance(error, OSError) else "it is no text"
    return BadInput(
        f"cannot {verb} it: {reason}", where=str(path), remedy="check the path and its permissions"
    )
