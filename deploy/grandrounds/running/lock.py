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
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AlreadyRunning(
            "another process is at work here already",
            where=str(state),
            remedy="stop that one first; two would write over each other",
        ) from None
    finally:
        os.close(handle)


def is_held(state: Path) -> bool:
    """Whether a process works on a state folder now."""
    if not (state / LOCK).exists():
        return False
    try:
        with only_one(state):
            return False
    except AlreadyRunning:
        return True
