"""The rosters that a member accepted, one file a version, and the authority it pinned."""

import re
from pathlib import Path

from grandrounds.provision.secrets import (
    check_private_folder,
    make_private_folder,
    read_bytes,
    replace,
    write_new,
)
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.roster import MAX_BYTES, read_roster
from grandrounds_protocol.trust import KEPT, Trust

_AUTHORITY = "authority.fingerprint"
_NAME = re.compile(r"roster-(\d{6})\.json")


def pin(folder: Path, authority: str, data: bytes, now: int) -> Trust:
    """Accept a first roster and the authority that signed it, for good.

    Raises
    ------
    BadInput
        If an authority is pinned here already.
    BadRoster, ClockSkew, Stale
    """
    trust = Trust.begin(data, authority, now)
    make_private_folder(folder)
    _write(folder, trust, data)
    write_new(folder / _AUTHORITY, f"{authority}\n".encode())
    return trust


def is_pinned(folder: Path) -> bool:
    """Whether an authority was accepted here."""
    return (folder / _AUTHORITY).exists()


def keep(folder: Path, trust: Trust, data: bytes) -> None:
    """Keep the roster that `trust` now goes by; `data` is its file.

    Raises
    ------
    BadInput
    """
    _write(folder, trust, data)


def read_trust(folder: Path) -> Trust:
    """Read what was accepted.

    Raises
    ------
    BadInput
        If nothing was.
    BadRoster
        If a file was changed since.
    OpenToOthers
        If others could have changed one.
    """
    if not is_pinned(folder):
        raise BadInput(
            "no roster was accepted here yet",
            where=str(folder),
            remedy="grandrounds site join DIR BUNDLE; the authority has it",
        )
    authority = read_bytes(folder / _AUTHORITY, 100).decode("ascii", "replace").strip()
    check_private_folder(folder)
    names = sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))
    newest = [
        read_roster(read_bytes(folder / name, MAX_BYTES), authority)[0]
        for name in reversed(names[-KEPT:])
    ]
    if not newest:
        raise BadInput("the accepted roster is gone", where=str(folder), remedy="restore it")
    return Trust(authority, newest[0], tuple(newest[1:]))


def _write(folder: Path, trust: Trust, data: bytes) -> None:
    replace(folder / f"roster-{trust.current.version:06d}.json", data)
