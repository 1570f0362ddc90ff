"""The bundle: one file for everybody, signed by the authority; nothing else is fetched to join.

It holds the roster, and what connections take: the coordinator's address and certificate, the
federation's text, the key of each site's node. It goes by the roster's version.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from grandrounds_protocol.agreed import MAX_TEXT, FederationText, read_agreed
from grandrounds_protocol.attested import attest, read_attested
from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadBundle, BadInput, BadRoster, Rollback
from grandrounds_protocol.keys import KeyPair, PublicKeys
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Record
from grandrounds_protocol.roster import MAX_BYTES as MAX_ROSTER
from grandrounds_protocol.roster import MAX_COMMAS, MAX_MEMBERS, Roster, read_roster
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.transport import Address, AuthorityCertificate, NodeKey

LABEL = "bundle"
MAX_BYTES = 32 << 20
"""The roster with its quotation marks escaped, the federation's text, and the nodes' keys."""
_MAX_COMMAS = MAX_COMMAS + MAX_TEXT + MAX_MEMBERS + 100


class Bundle(Record):
    """What the authority signs beside the roster."""

    format: Literal[1] = 1
    roster: str = Field(max_length=MAX_ROSTER)
    """The roster's file."""
    address: Address
    ca: AuthorityCertificate
    federation: FederationText
    nodes: dict[SiteName, NodeKey] = Field(max_length=MAX_MEMBERS)
    """Of each site on the roster."""


@dataclass(frozen=True)
class OpenBundle:
    """A bundle whose signatures hold.

    Attributes
    ----------
    data : bytes
        The file.
    bundle : Bundle
    roster : Roster
    authority : PublicKeys
    federation : Federation
    """

    data: bytes
    bundle: Bundle
    roster: Roster
    authority: PublicKeys
    federation: Federation

    @property
    def version(self) -> int:
        """The roster's."""
        return self.roster.version

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file, hex."""
        return hashlib.sha256(self.data).hexdigest()

    def check_follows(self, accepted: "OpenBundle") -> None:
        """Refuse to go back from the one accepted last.

        Raises
        ------
        Rollback
            If this one is of a lower version, or of the same with other content.
        """
        same = self.fingerprint == accepted.fingerprint
        if self.version <= accepted.version and not same:
            raise Rollback(
                f"the bundle offered is version {self.version}, and version "
                f"{accepted.version} was accepted",
                remedy="ask the authority for the newest",
            )


def sign_bundle(bundle: Bundle, authority: KeyPair) -> bytes:
    """Return the bundle's file: readable JSON, signed."""
    return attest(LABEL, to_canonical(bundle), authority)


def read_bundle(data: bytes, authority: str | None) -> OpenBundle:
    """Check a bundle's file against the authority's pinned fingerprint.

    Parameters
    ----------
    data : bytes
    authority : str or None
        Fingerprint of the authority's keys; None to learn it from the file, for somebody to
        compare by another way.

    Raises
    ------
    BadBundle
        If it is malformed, of another authority, not signed by it, or its parts do not fit
        together.
    """
    # commas bound how many values a JSON parser must make room for
    if len(data) > MAX_BYTES or data.count(b",") > _MAX_COMMAS:
        raise BadBundle("the bundle is too long")
    text, keys = read_attested(LABEL, data, authority, BadBundle)
    try:
        bundle = from_canonical(Bundle, text)
    except ValueError:
        raise BadBundle("the bundle is not well-formed") from None
    try:
        roster, _ = read_roster(bundle.roster.encode(), keys.fingerprint)
        federation = read_agreed(bundle.federation, "federation.toml in the bundle")
    except (BadRoster, BadInput) as error:
        raise BadBundle(error.problem, where=error.where, remedy=error.remedy) from None
    _check_parts(bundle, roster, federation)
    return OpenBundle(data, bundle, roster, keys, federation)


def _check_parts(bundle: Bundle, roster: Roster, federation: Federation) -> None:
    if federation.name != roster.federation:
        raise BadBundle("federation.toml in the bundle is of another federation than the roster")
    if set(bundle.nodes) != set(roster.sites):
        raise BadBundle("the bundle has not one node's key for each site of the roster")
    if len(set(bundle.nodes.values())) != len(bundle.nodes):
        raise BadBundle("two sites have the same node's key")
