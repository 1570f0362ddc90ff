"""The authority's folder: its key, and the roster it signs. It belongs on a machine of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grandrounds.provision import requests
from grandrounds.provision.keyring import add_keys, read_keys
from grandrounds.provision.secrets import make_private_folder, read_bytes, replace, write_new
from grandrounds_protocol.bundle import Bundle, read_bundle, sign_bundle
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import MAX_BYTES, Member, Roster, read_roster, sign_roster
from grandrounds_protocol.settings import check_settings
from grandrounds_protocol.times import DAY

_KEYS, _ROSTER, _BUNDLE, _REQUESTS = "keys", "roster.json", "bundle.json", "requests"
READABLE = 0o644


@dataclass(frozen=True)
class Authority:
    """The authority, opened.

    Attributes
    ----------
    folder : Path
    keys : KeyPair
    roster : Roster
        The newest version.
    """

    folder: Path
    keys: KeyPair
    roster: Roster

    @property
    def file(self) -> Path:
        """The roster's file, which every member gets."""
        return self.folder / _ROSTER

    @property
    def bundle(self) -> Path:
        """The bundle's file, which every member gets and which holds the roster."""
        return self.folder / _BUNDLE

    @property
    def requests(self) -> Path:
        """The folder of what members asked for."""
        return self.folder / _REQUESTS


def begin(folder: Path, federation: str, now: int, days: int) -> Authority:
    """Make the authority's keys and an empty roster, version 1.

    Raises
    ------
    BadInput
        If the folder holds an authority already, or the federation's name cannot be used.
    """
    if (folder / _ROSTER).exists():
        raise BadInput(
            "an authority lives here already",
            where=str(folder),
            remedy=f"grandrounds authority show {folder} prints it; another takes another folder",
        )
    make_private_folder(folder)
    keys = add_keys(folder / _KEYS)
    table = {
        "federation": federation,
        "version": 1,
        "created": now,
        "expires": now + days * DAY,
        "members": (),
    }
    roster = _checked(table)
    write_new(folder / _ROSTER, sign_roster(roster, keys), READABLE)
    return Authority(folder, keys, roster)


def open_authority(folder: Path) -> Authority:
    """Open an authority's folder.

    Raises
    ------
    BadInput, BadRoster, OpenToOthers
    """
    keys = read_keys(folder / _KEYS)[0]
    data = read_bytes(folder / _ROSTER, MAX_BYTES)
    roster, _ = read_roster(data, keys.public.fingerprint)
    return Authority(folder, keys, roster)


def enrolled(members: Sequence[Member], new: Iterable[Member]) -> tuple[Member, ...]:
    """Add members, and replace the keys of those that are there, in the order of their names."""
    found = {member.name: member for member in members}
    found.update({member.name: member for member in new})
    return tuple(found[name] for name in sorted(found))


def without(members: Sequence[Member], names: Sequence[str]) -> tuple[Member, ...]:
    """Leave members out.

    Raises
    ------
    BadInput
        If one of the names is not there.
    """
    known = {member.name for member in members}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadInput(
            f"nobody of that name is enrolled: {unknown[0]!r}",
            where="argument NAME",
            remedy="grandrounds authority show lists the members",
        )
    return tuple(member for member in members if member.name not in names)


def publish(
    authority: Authority,
    members: tuple[Member, ...],
    now: int,
    days: int,
    revoked: Iterable[Member] = (),
) -> Authority:
    """Sign the next version of the roster and write it in place of the last.

    The keys of `revoked` hold nowhere from then on, under earlier versions neither.

    Raises
    ------
    BadInput
        If two members share a name or a key, one has keys that were revoked, or there are two
        coordinators.
    """
    gone = [member.keys.fingerprint for member in revoked]
    table = {
        "federation": authority.roster.federation,
        "version": authority.roster.version + 1,
        "created": now,
        "expires": now + days * DAY,
        "members": members,
        "revoked": (*authority.roster.revoked, *gone),
    }
    roster = _checked(table)
    replace(authority.file, sign_roster(roster, authority.keys), READABLE)
    return Authority(authority.folder, authority.keys, roster)


def publish_bundle(authority: Authority) -> tuple[str, ...]:
    """Sign the bundle of the newest roster; return who has to ask for its part first.

    Where somebody has, there is no bundle, and none of an earlier roster either.

    Raises
    ------
    BadInput, BadRequest
    """
    members = authority.roster.members
    asked = requests.kept(authority.requests, members)
    edges = [each.edge for each in asked.values() if each.edge is not None]
    missing = [member.name for member in members if member.name not in asked]
    if not edges or missing:
        authority.bundle.unlink(missing_ok=True)
        return tuple(missing or ["the coordinator"])
    bundle = Bundle(
        roster=read_bytes(authority.file, MAX_BYTES).decode(),
        address=edges[0].address,
        ca=edges[0].ca,
        federation=edges[0].federation,
        nodes={name: each.node for name, each in asked.items() if each.node is not None},
    )
    data = sign_bundle(bundle, authority.keys)
    read_bundle(data, authority.keys.public.fingerprint)  # as every member will
    replace(authority.bundle, data, READABLE)
    return ()


def _checked(table: dict[str, object]) -> Roster:
    return check_settings(Roster, table, "the roster", "see docs/operator.md")
