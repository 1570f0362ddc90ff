"""The coordinator's desk: every instruction leaves signed, no unsigned reply is read."""

import hashlib
from dataclasses import dataclass, replace

from grandrounds_protocol.errors import RosterNotAccepted, UnknownSite
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.messages import Reply
from grandrounds_protocol.roster import Roster
from grandrounds_protocol.signed import Purpose, Signed, SignedHead, sign_message
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

    def read(self, data: bytes, site: str, question: str) -> Reply:
        """Read a reply of a site to the instruction whose body has the digest `question`.

        Raises
        ------
        BadMessage, BadSignature, UnknownSite, Stale, ClockSkew
        """
        signed = self._verified(data, site, "reply", question)
        return replace(Reply.from_bytes(bytes(signed.body)), ledger=signed.head.ledger)

    def name(self, data: bytes, challenge: bytes) -> str:
        """Return which site signed this challenge.

        Raises
        ------
        BadMessage, BadSignature, UnknownSite, Stale, ClockSkew
        RosterNotAccepted
            If it signed, and goes by another roster than this.
        """
        head = Signed.from_bytes(data).head
        try:
            self._verified(data, head.signer, "hello", digest_of(challenge))
        except UnknownSite:
            if head.roster == self.roster.fingerprint or head.signer not in self.roster.sites:
                raise
            # the signature was looked at before: nobody else can have said so
            raise RosterNotAccepted(
                f"{head.signer} goes by another roster than version {self.roster.version}",
                remedy="it has to join with the newest bundle",
            ) from None
        return head.signer

    def _verified(self, data: bytes, site: str, purpose: Purpose, answers: str) -> Signed:
        signed = Signed.from_bytes(data)
        signed.verify(
            self.roster.member(site, "site"),
            to=self.roster.coordinator.name,
            roster=self.roster.fingerprint,
            purpose=purpose,
            now=self.clock(),
        )
        signed.check_answers(answers)
        return signed


def digest_of(body: bytes) -> str:
    """SHA-256 of an instruction's body, hex: what its reply must name."""
    return hashlib.sha256(body).hexdigest()
