"""Who may read and write what lies on the disk, and how much room is left there."""

import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from grandrounds.doctor.finding import Finding, failed, ok, warning
from grandrounds_protocol.errors import OpenToOthers

_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20
"""Bytes: a round keeps models and virtual rows of all peers, and a ledger that cannot be written
stops everything."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_modes(folder: Path, secrets: Iterable[Path]) -> Finding:
    """Look whether others may read a secret, or change what is in the folder.

    Raises
    ------
    OpenToOthers
        Naming the first that is open.
    """
    found = [path for path in secrets if path.exists()]
    for path in found:
        _check_mode(path, _OTHERS, "read or change", "go-rwx")
    _check_mode(folder, _OTHERS_WRITE, "put files into", "go-w")
    return ok("modes", f"{len(found)} keys, secrets and private folders are their owner's only")


def check_disk(folder: Path, state: Path) -> Finding:
    """Look how much room is left; what programs keep may lie on a disk of its own."""
    free = min(shutil.disk_usage(path).free for path in (folder, state) if path.exists())
    says, mend = f"{free / (1 << 30):.1f} GiB free", "make room on the disk of this folder"
    if free < _TOO_LITTLE:
        return failed("disk", says, mend)
    return warning("disk", says, mend) if free < _LITTLE else ok("disk", says)


def _check_mode(path: Path, bits: int, what: str, change: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits:
        raise OpenToOthers(
            f"others on this machine may {what} it",
            where=f"{path}, mode {mode:o}",
            remedy=f"chmod {change} {path}; if others had access, make new keys",
        )
