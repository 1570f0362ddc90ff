"""The roster: who is a member, by which keys, signed by the authority.

The authority's key lives on a machine of its own and never on the coordinator, who could
otherwise enrol a site of its own making and read everything.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from grandrounds_protocol.attested import attest, read_attested
from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadRoster, UnknownSite
from grandrounds_protocol.keys import KeyPair, PublicKeys
from grandrounds_protocol.names import Label, SiteName
from grandrounds_protocol.record import Digest, Record
from grandrounds_protocol.times import Time

LABEL = "roster"
MAX_MEMBERS = 10_000
MAX_BYTES = 20 << 20
"""A member takes less than 2,000."""
MAX_COMMAS = 5 * MAX_MEMBERS + 100
"""A member takes four and one, the federation's name less than a hundred."""

Role = Literal["site", "coordinator"]


class Member(Record):
    """Somebody who may speak in this federation."""

    name: SiteName
    role: Role
    keys: PublicKeys


_ALIKE: dict[str, Callable[[Member], str]] = {
    "{} and {} share a name: one of them takes another": lambda member: member.name.casefold(),
    "{} and {} share a key to sign: each makes its own": lambda member: member.keys.sign,
    "{} and {} share a key to receive: each makes its own": lambda member: member.keys.receive,
}
"""What no two members may have in common, and what is said of two who do."""


def _alike(members: Iterable[Member], of: Callable[[Member], str]) -> tuple[str, str] | None:
    """Names of the first two members of whom `of` says the same."""
    seen: dict[str, str] = {}
    for member in members:
        what = of(member)
        if what in seen:
            return seen[what], member.name
        seen[what] = member.name
    return None


class Roster(Record):
    """All members at one version. Higher versions replace lower ones."""

    format: Literal[1] = 1
    federation: Label
    version: int = Field(ge=1)
    created: Time
    expires: Time
    members: tuple[Member, ...] = Field(max_length=MAX_MEMBERS)
    revoked: tuple[Digest, ...] = Field(default=(), max_length=MAX_MEMBERS)
    """Fingerprints of keys that nobody may use any more, under earlier versions neither."""

    @model_validator(mode="after")
    def _unambiguous(self) -> "Roster":
        for said, of in _ALIKE.items():
            pair = _alike(self.members, of)
            if pair is not None:
                raise ValueError(said.format(*pair))
        if sum(member.role == "coordinator" for member in self.members) > 1:
            raise ValueError("more than one coordinator")
        gone = set(self.revoked)
        for member in self.members:
            if member.keys.fingerprint in gone:
                raise ValueError(
                    f"{member.name} has keys that were revoked: it makes new ones, and sends a new "
                    "request"
                )
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

    def keys_of(self, name: str) -> PublicKeys | None:
        """Return a member's keys; None where nobody has that name."""
        found = self._by_name.get(name)
        return None if found is None else found.keys

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


def sign_roster(roster: Roster, authority: KeyPair) -> bytes:
    """Return the roster's file: readable JSON, signed."""
    return attest(LABEL, to_canonical(roster), authority)


def read_roster(data: bytes, authority: str | None) -> tuple[Roster, PublicKeys]:
    """Check a roster's file against the authority's pinned fingerprint.

    Its members are read only after the signature holds.

    Parameters
    ----------
    data : bytes
    authority : str or None
        Fingerprint of the authority's keys; None to learn it from the file, for somebody to
        compare by another way.

    Raises
    ------
    BadRoster
        If it is malformed, of another authority, or not signed by it; or if the authority's
        signing key is a member's, too.
    """
    # commas bound how many values a JSON parser must make room for
    if len(data) > MAX_BYTES or data.count(b",") > MAX_COMMAS:
        raise BadRoster("the roster is too long")
    text, keys = read_attested(LABEL, data, authority, BadRoster)
    try:
        roster = from_canonical(Roster, text)
    except ValueError:
        raise BadRoster("the roster is not well-formed") from None
    if any(member.keys.sign == keys.sign for member in roster.members):
        raise BadRoster("the authority's key is a member's, too")
    return roster, keys
