"""The coordinator's desk: every instruction leaves signed, no unsigned reply is read."""

import hashlib
from dataclasses import dataclass

from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.messages import Reply
from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.signed import Signed, SignedHead, sign_message
from grandrounds_protocol.times import DAY, Clock

MESSAGE_LIFE = 2 * DAY


@dataclass(frozen=True)
class Office:
    """Who the coordinator is, and the roster its runs go by.

    Attributes
    ----------
    keys : KeyPair
    roster : Roster
        Verified; it does not change within a run.
    clock : Clock
    """

    keys: KeyPair
    roster: Roster
    clock: Clock

    def sites(self, names: tuple[str, ...]) -> tuple[Member, ...]:
        """Members of these names.

        Raises
        ------
        UnknownSite
        """
        return tuple(self.roster.member(name, "site") for name in names)

    def sign(self, body: bytes, to: str) -> bytes:
        """Sign an instruction for a site."""
        now = self.clock()
        head = SignedHead(
            purpose="instruction",
            roster=self.roster.fingerprint,
            signer=self.roster.coordinator.name,
            to=to,
            created=now,
            expires=now + MESSAGE_LIFE,
        )
        return sign_message(body, head, self.keys)

    def read(self, data: bytes, site: str, question: str) -> tuple[Reply, LedgerHead | None]:
        """Read a reply of a site to the instruction whose body has the digest `question`.

        Raises
        ------
        BadMessage, BadSignature, UnknownSite, Stale, ClockSkew
        """
        signed = Signed.from_bytes(data)
        signed.verify(
            self.roster.member(site, "site"),
            to=self.roster.coordinator.name,
            roster=self.roster.fingerprint,
            purpose="reply",
            now=self.clock(),
        )
        signed.check_answers(question)
        return Reply.from_bytes(bytes(signed.body)), signed.head.ledger


def digest_of(body: bytes) -> str:
    """SHA-256 of an instruction's body, hex: what its reply must name."""
    return hashlib.sha256(body).hexdigest()
