"""The roster: who is a member, by which keys, signed by the authority.

The authority's key lives on a machine of its own and never on the coordinator, who could
otherwise enrol a site of its own making and read everything.
"""

import hashlib
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadRoster, BadSignature, UnknownSite
from grandrounds_protocol.keys import KeyPair, PublicKeys
from grandrounds_protocol.names import Label, SiteName
from grandrounds_protocol.record import Record
from grandrounds_protocol.times import Time

LABEL = "roster"
MAX_MEMBERS = 10_000
MAX_BYTES = 64 << 20

Role = Literal["site", "coordinator"]


class Member(Record):
    """Somebody who may speak in this federation."""

    name: SiteName
    role: Role
    keys: PublicKeys


class Roster(Record):
    """All members at one version. Higher versions replace lower ones."""

    format: Literal[1] = 1
    federation: Label
    version: int = Field(ge=1)
    created: Time
    expires: Time
    members: tuple[Member, ...] = Field(max_length=MAX_MEMBERS)

    @model_validator(mode="after")
    def _unambiguous(self) -> "Roster":
        names = [member.name.casefold() for member in self.members]
        signing = [member.keys.sign for member in self.members]
        receiving = [member.keys.receive for member in self.members]
        if any(len(set(each)) != len(each) for each in (names, signing, receiving)):
            raise ValueError("two members share a name or a key")
        if sum(member.role == "coordinator" for member in self.members) > 1:
            raise ValueError("more than one coordinator")
        if self.expires <= self.created:
            raise ValueError("it expires before it is made")
        return self

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, hex: names this version and no other."""
        return hashlib.sha256(to_canonical(self)).hexdigest()

    @cached_property
    def _by_name(self) -> dict[str, Member]:
        return {member.name: member for member in self.members}

    def member(self, name: str, role: Role) -> Member:
        """Return a member.

        Raises
        ------
        UnknownSite
            If nobody of that name has that role.
        """
        found = self._by_name.get(name)
        if found is None or found.role != role:
            raise UnknownSite(f"no {role} of that name is on the roster, version {self.version}")
        return found

    @property
    def coordinator(self) -> Member:
        """The one who runs rounds.

        Raises
        ------
        UnknownSite
            If there is none yet.
        """
        for member in self.members:
            if member.role == "coordinator":
                return member
        raise UnknownSite("no coordinator is on the roster yet")

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites, in order."""
        return tuple(member.name for member in self.members if member.role == "site")


class _Signed(Record):
    authority: PublicKeys
    roster: Roster
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


def sign_roster(roster: Roster, authority: KeyPair) -> bytes:
    """Return the roster's file: readable JSON, signed."""
    signature = authority.sign(LABEL, to_canonical(roster)).hex()
    return to_canonical(_Signed(authority=authority.public, roster=roster, signature=signature))


def read_roster(data: bytes, authority: str | None) -> tuple[Roster, PublicKeys]:
    """Check a roster's file against the authority's pinned fingerprint.

    Parameters
    ----------
    data : bytes
    authority : str or None
        Fingerprint of the authority's keys; None to learn it from the file, for somebody to
        compare by another way.

    Raises
    ------
    BadRoster
        If it is malformed, of another authority, or not signed by it.
    """
    if len(data) > MAX_BYTES:
        raise BadRoster("the roster is too long")
    try:
        signed = from_canonical(_Signed, data)
    except ValueError:
        raise BadRoster("the roster is not well-formed") from None
    if authority is not None and signed.authority.fingerprint != authority:
        raise BadRoster(
            "the roster is of another authority than the one this member accepted",
            remedy="ask the authority; if it has new keys, every member starts anew",
        )
    try:
        signed.authority.verify(LABEL, to_canonical(signed.roster), bytes.fromhex(signed.signature))
    except BadSignature:
        raise BadRoster("the roster is not signed by its authority") from None
    return signed.roster, signed.authority
