"""Processes of this machine, as /proc shows them."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def command_of(pid: int) -> str:
    """Return a process's command line; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    """Return whom a process started, by whatever thread of its own."""
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it may end while we look
            found += [int(child) for child in thread.read_text().split()]
    return found


def below(pid: int) -> list[int]:
    """Return a process and all that come from it."""
    return [pid, *(each for child in children(pid) for each in below(child))]


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
