"""Instructions and replies, signed: whoever carries them can neither write nor change one.

Flower authenticates connections, not messages: a registered node can answer in the name of
another, and put instructions to it. So nothing is believed for the way it came.

Layout: magic (4 bytes), length of the head (4 bytes, big-endian), the head (canonical JSON),
signature (64 bytes) over head and body, the body. The body is parsed only after the signature
holds.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadMessage, Stale, UnknownSite
from grandrounds_protocol.keys import SIGNATURE_BYTES, KeyPair
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Digest, Record
from grandrounds_protocol.roster import Member
from grandrounds_protocol.times import Time, check_time

MAX_HEAD_BYTES = 4096
_MAGIC = b"GRS\x01"
_LENGTH_BYTES = 4

Purpose = Literal["instruction", "reply", "hello"]


class SignedHead(Record):
    """Who says the body to whom, when, and in answer to what."""

    version: Literal[1] = 1
    purpose: Purpose
    roster: Digest
    signer: SiteName
    to: SiteName
    created: Time
    expires: Time
    answers: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of a reply: SHA-256 of the instruction's body."""
    ledger: LedgerHead | None = None
    """Of a reply: how far the site's ledger had come when it was written."""


@dataclass(frozen=True)
class Signed:
    """A message taken apart; nothing of it is believed before `verify`.

    Attributes
    ----------
    head : SignedHead
    body : memoryview
    """

    head: SignedHead
    head_bytes: bytes
    signature: bytes
    body: memoryview

    @classmethod
    def from_bytes(cls, data: bytes) -> "Signed":
        """Take a message apart: lengths and the head only.

        Raises
        ------
        BadMessage
        """
        start = len(_MAGIC) + _LENGTH_BYTES
        if data[: len(_MAGIC)] != _MAGIC or len(data) < start:
            raise BadMessage("not a signed message of this protocol")
        length = int.from_bytes(data[len(_MAGIC) : start], "big")
        end = start + length + SIGNATURE_BYTES
        if length > MAX_HEAD_BYTES or end > len(data):
            raise BadMessage("the signed message is cut short, or its head is too long")
        head = data[start : start + length]
        try:
            read = from_canonical(SignedHead, head)
        except ValueError:
            raise BadMessage("the signed message's head is not well-formed") from None
        return cls(read, head, data[start + length : end], memoryview(data)[end:])

    @property
    def digest(self) -> str:
        """SHA-256 of the body, hex: what a reply to it names."""
        return hashlib.sha256(self.body).hexdigest()

    def verify(self, signer: Member, *, to: str, roster: str, purpose: Purpose, now: int) -> None:
        """Check that `signer` said this to `to`, for this purpose, under this roster, in time.

        Raises
        ------
        BadSignature
            If head or body were changed, or another member signed.
        BadMessage
            If it was signed for another purpose.
        UnknownSite
            If it is from another member, for another, or goes by another roster.
        Stale, ClockSkew
        """
        head = self.head
        signer.keys.verify(head.purpose, _under(self.head_bytes, self.body), self.signature)
        if head.purpose != purpose:
            raise BadMessage(f"expected {purpose}, got {head.purpose}")
        if (head.signer, head.to, head.roster) != (signer.name, to, roster):
            raise UnknownSite("the message is from another member, or for another")
        check_time(head.created, head.expires, now, f"the {purpose}")

    def check_answers(self, digest: str) -> None:
        """Refuse a reply to another question.

        Raises
        ------
        Stale
        """
        if self.head.answers != digest:
            raise Stale("the reply answers another question")


def sign_message(body: bytes, head: SignedHead, keys: KeyPair) -> bytes:
    """Return the bytes of a signed message."""
    text = to_canonical(head)
    signature = keys.sign(head.purpose, _under(text, body))
    return b"".join((_MAGIC, len(text).to_bytes(_LENGTH_BYTES, "big"), text, signature, body))


def _under(head: bytes, body: bytes | memoryview) -> bytes:
    """What stands under the signature: two digests, each of fixed length."""
    return hashlib.sha256(head).digest() + hashlib.sha256(body).digest()
