"""A member's keys in a folder: one file for each pair, numbered; the highest is the newest."""

import re
from pathlib import Path

from grandrounds.provision.secrets import (
    check_private_folder,
    make_private_folder,
    read_secret,
    write_new,
)
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.keys import KeyPair

_NAME = re.compile(r"(\d{4})\.key")


def add_keys(folder: Path) -> KeyPair:
    """Draw new keys and keep them; older ones stay, to open what was sealed for them.

    Raises
    ------
    BadInput
    """
    keys = KeyPair.generate()
    keep_keys(folder, keys)
    return keys


def keep_keys(folder: Path, keys: KeyPair) -> None:
    """Keep a pair as the newest.

    Raises
    ------
    BadInput
    """
    make_private_folder(folder)
    number = max(_numbers(folder), default=0) + 1
    write_new(folder / f"{number:04d}.key", f"{keys.to_secret()}\n".encode())


def read_keys(folder: Path) -> tuple[KeyPair, ...]:
    """Read all pairs, newest first.

    Raises
    ------
    BadInput
        If there is none, or one cannot be used.
    OpenToOthers
        If others may read one, or may enter the folder.
    """
    check_private_folder(folder)
    numbers = sorted(_numbers(folder), reverse=True)
    if not numbers:
        raise BadInput(
            "there are no keys here",
            where=str(folder),
            remedy="is it the right folder? `init` makes keys: grandrounds site, coordinator or "
            "authority init",
        )
    paths = [folder / f"{number:04d}.key" for number in numbers]
    return tuple(KeyPair.from_secret(read_secret(path), str(path)) for path in paths)


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return [int(match[1]) for match in found if match]
