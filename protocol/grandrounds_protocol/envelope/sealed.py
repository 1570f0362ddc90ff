"""An envelope as its sender writes it: one content, a wrapped key for each recipient."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.envelope.content import KEY_BYTES, TAG_BYTES, blank, commitment, encrypt
from grandrounds_protocol.envelope.core import (
    MAX_CORE_BYTES,
    MAX_RECIPIENTS,
    Core,
    LedgerHead,
    Place,
    read_core,
    recipients_digest,
)
from grandrounds_protocol.envelope.letter import Letter
from grandrounds_protocol.envelope.padding import MAX_PAYLOAD, padded_size
from grandrounds_protocol.envelope.signing import LABEL, signed_part
from grandrounds_protocol.envelope.wire import Reader, expect
from grandrounds_protocol.envelope.wrap import WRAPPED_BYTES, leaf, wrap
from grandrounds_protocol.errors import BadEnvelope, BadInput
from grandrounds_protocol.keys import SIGNATURE_BYTES, KeyPair
from grandrounds_protocol.merkle import levels, proof
from grandrounds_protocol.roster import Member

_MAGIC = b"GRE\x01"
SERIAL_BYTES = 16


@dataclass(frozen=True)
class Sealed:
    """An envelope for all its recipients.

    Attributes
    ----------
    core : bytes
    wrapped : tuple of bytes
        One content key per recipient, in the order of the core's digest.
    signature : bytes
    text : bytes or memoryview
        The encrypted content.
    """

    core: bytes
    wrapped: tuple[bytes, ...]
    signature: bytes
    text: bytes | bytearray | memoryview

    def front(self) -> bytes:
        """Return all but the content: magic, core, wrapped keys, signature."""
        return b"".join(
            (
                _MAGIC,
                len(self.core).to_bytes(4, "big"),
                self.core,
                len(self.wrapped).to_bytes(4, "big"),
                *self.wrapped,
                self.signature,
            )
        )

    def to_bytes(self) -> bytes:
        """Front and content."""
        return b"".join((self.front(), self.text))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Sealed":
        """Take apart what a sender wrote: lengths only, nothing is verified or copied.

        Raises
        ------
        BadEnvelope
        """
        reader = Reader(data)
        expect(reader, _MAGIC)
        core = bytes(reader.take(reader.number(4, MAX_CORE_BYTES)))
        count = reader.number(4, MAX_RECIPIENTS)
        wrapped = tuple(bytes(reader.take(WRAPPED_BYTES)) for _ in range(count))
        signature = bytes(reader.take(SIGNATURE_BYTES))
        sealed = cls(core, wrapped, signature, reader.rest())
        header = sealed.header
        if header.count != count or header.size + TAG_BYTES != len(sealed.text):
            raise BadEnvelope("the envelope's parts are not as many as its core says")
        return sealed

    @cached_property
    def header(self) -> Core:
        """The core, read.

        Raises
        ------
        BadEnvelope
        """
        return read_core(self.core)

    def letters(self, recipients: Sequence[Member]) -> Callable[[str], Letter]:
        """Return what gives each recipient, by name, its own letter.

        Raises
        ------
        BadEnvelope
            If it was sealed for others.
        """
        at = {member.name: index for index, member in enumerate(recipients)}
        if self.header.recipients != recipients_digest(recipients):
            raise BadEnvelope("the envelope was sealed for others than its parcel names")
        if not len(at) == len(recipients) == len(self.wrapped):
            raise BadEnvelope("the envelope names a recipient twice, or counts them wrongly")
        leaves = [leaf(key, member) for key, member in zip(self.wrapped, recipients, strict=True)]
        tree = levels(leaves)

        def letter(name: str) -> Letter:
            index = at[name]
            beside = tuple(proof(tree, index))
            return Letter(self.core, index, self.wrapped[index], beside, self.signature, self.text)

        return letter


def seal(
    payload: bytes,
    place: Place,
    *,
    sender: str,
    keys: KeyPair,
    recipients: Sequence[Member],
    created: int,
    expires: int,
    ledger: LedgerHead,
) -> bytes:
    """Seal a payload for members of the roster; return the envelope as it travels.

    The content key and the serial come from the operating system's generator. Memory: the
    payload, and once its padded size: it is encrypted where it stays, behind room for the rest.

    Raises
    ------
    BadInput
        If the payload is above 1 GiB, or there is no recipient, or too many.
    """
    if len(payload) > MAX_PAYLOAD or not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise BadInput(
            f"an envelope holds at most {MAX_PAYLOAD} bytes for 1 to {MAX_RECIPIENTS} recipients"
        )
    key = secrets.token_bytes(KEY_BYTES)
    core = to_canonical(
        Core(
            place=place,
            sender=sender,
            recipients=recipients_digest(recipients),
            count=len(recipients),
            serial=secrets.token_hex(SERIAL_BYTES),
            created=created,
            expires=expires,
            size=padded_size(len(payload)),
            commitment=commitment(key),
            ledger=ledger,
        )
    )
    wrapped = tuple(wrap(key, core, member) for member in recipients)
    leaves = [leaf(each, member) for each, member in zip(wrapped, recipients, strict=True)]
    root = levels(leaves)[-1][0]
    start = len(Sealed(core, wrapped, bytes(SIGNATURE_BYTES), b"").front())
    envelope = blank(start + padded_size(len(payload)) + TAG_BYTES)
    with envelope.getbuffer() as out, out[start:] as text:
        encrypt(key, core, payload, text)
        signature = keys.sign(LABEL, signed_part(core, text, root))
        out[:start] = Sealed(core, wrapped, signature, text).front()
    return envelope.getvalue()
