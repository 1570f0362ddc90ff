"""One process on a state folder: a second one is refused, and a killed one leaves no lock."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grandrounds.provision.secrets import make_private_folder
from grandrounds_protocol.errors import AlreadyRunning

LOCK = "lock"


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold a state folder; the system lets go of it however the process ends.

    Raises
    ------
    AlreadyRunning
        If another process holds it.
    BadInput
        If the folder cannot be made.
    """
    make_private_folder(state)
    handle = os.open(state / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(handle, fcntl.LOCK_EX):
            raise AlreadyRunning(
                "another process is at work here already",
                where=str(state),
                remedy="stop that one first; two would write over each other",
            )
        yield
    finally:
        os.close(handle)


def is_held(state: Path) -> bool:
    """Whether a process works on a state folder now; nothing is made to find out."""
    try:
        handle = os.open(state / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _locked(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
