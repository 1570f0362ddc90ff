"""An envelope as one recipient gets it: its own wrapped key, and the proof that it belongs."""

from collections.abc import Iterable
from dataclasses import dataclass
from hmac import compare_digest

from grandrounds_protocol.envelope.content import TAG_BYTES, commitment, decrypt
from grandrounds_protocol.envelope.core import (
    MAX_CORE_BYTES,
    MAX_RECIPIENTS,
    Core,
    Place,
    read_core,
)
from grandrounds_protocol.envelope.signing import LABEL, signed_part
from grandrounds_protocol.envelope.wire import Reader, expect
from grandrounds_protocol.envelope.wrap import WRAPPED_BYTES, leaf, unwrap
from grandrounds_protocol.errors import BadEnvelope, BadSignature, Stale, UnknownSite
from grandrounds_protocol.keys import SIGNATURE_BYTES, KeyPair
from grandrounds_protocol.merkle import HASH_BYTES, MAX_PROOF, root_of
from grandrounds_protocol.roster import Member
from grandrounds_protocol.times import check_time

_MAGIC = b"GRL\x01"


@dataclass(frozen=True)
class Letter:
    """An envelope for one recipient.

    Attributes
    ----------
    core : bytes
    index : int
        The recipient's place among all.
    wrapped : bytes
    beside : tuple of bytes
        Hashes from the wrapped key's leaf to the signed root.
    signature : bytes
    text : bytes or memoryview
    """

    core: bytes
    index: int
    wrapped: bytes
    beside: tuple[bytes, ...]
    signature: bytes
    text: bytes | bytearray | memoryview

    def front(self) -> bytes:
        """Return all but the content, which is the same for all: magic to signature."""
        return b"".join(
            (
                _MAGIC,
                len(self.core).to_bytes(4, "big"),
                self.core,
                self.index.to_bytes(4, "big"),
                self.wrapped,
                len(self.beside).to_bytes(1, "big"),
                *self.beside,
                self.signature,
            )
        )

    def to_bytes(self) -> bytes:
        """Magic, core, place, wrapped key, proof, signature, content."""
        return b"".join((self.front(), self.text))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Letter":
        """Take a letter apart: lengths only, nothing is verified or copied.

        Raises
        ------
        BadEnvelope
        """
        reader = Reader(data)
        expect(reader, _MAGIC)
        core = bytes(reader.take(reader.number(4, MAX_CORE_BYTES)))
        index = reader.number(4, MAX_RECIPIENTS)
        wrapped = bytes(reader.take(WRAPPED_BYTES))
        beside = tuple(bytes(reader.take(HASH_BYTES)) for _ in range(reader.number(1, MAX_PROOF)))
        signature = bytes(reader.take(SIGNATURE_BYTES))
        return cls(core, index, wrapped, beside, signature, reader.rest())


@dataclass(frozen=True)
class Opened:
    """What a letter held.

    Attributes
    ----------
    core : Core
    payload : bytes
    """

    core: Core
    payload: bytes


def open_letter(
    letter: Letter,
    *,
    sender: Member,
    recipient: Member,
    own: Iterable[KeyPair],
    place: Place,
    now: int,
) -> Opened:
    """Verify a letter and open it: what is cheap to refuse is refused first.

    Memory: the letter, and once the payload.

    Parameters
    ----------
    letter : Letter
    sender : Member
        Whom the parcel says it is from, as the roster has that member.
    recipient : Member
        This site, as the roster has it.
    own : iterable of KeyPair
        This site's keys; those that the roster names are used.
    place : Place
        Where in the run this site is.
    now : int

    Raises
    ------
    BadEnvelope
        If any byte was changed, cut or appended, or it is not for this site.
    UnknownSite
        If it says that it is from another sender, or goes by another roster.
    Stale
        If it belongs to another run, round or phase, or has expired.
    ClockSkew
    """
    core = read_core(letter.core)
    if core.size + TAG_BYTES != len(letter.text):
        raise BadEnvelope("the envelope's content is not as long as its core says")
    _check_signature(letter, core, sender, recipient)
    if core.place.roster != place.roster:
        raise UnknownSite("the envelope goes by another roster")
    if core.place != place:
        raise Stale("the envelope belongs to another run, round or phase")
    check_time(core.created, core.expires, now, "the envelope")
    key = unwrap(letter.wrapped, letter.core, _keys_of(recipient, own))
    if not compare_digest(commitment(key), core.commitment):
        raise BadEnvelope("the wrapped key is not the one the envelope commits to")
    return Opened(core, decrypt(key, letter.core, memoryview(letter.text)))


def _check_signature(letter: Letter, core: Core, sender: Member, recipient: Member) -> None:
    try:
        own = leaf(letter.wrapped, recipient)
        root = root_of(own, letter.index, core.count, letter.beside)
        signed = signed_part(letter.core, letter.text, root)
        sender.keys.verify(LABEL, signed, letter.signature)
    except (ValueError, BadSignature):
        raise BadEnvelope("the envelope was changed, or is not signed by its sender") from None
    if core.sender != sender.name:
        raise UnknownSite("the envelope says that it is from another site than its parcel")


def _keys_of(recipient: Member, own: Iterable[KeyPair]) -> KeyPair:
    for pair in own:
        if pair.public == recipient.keys:
            return pair
    raise BadEnvelope("the envelope was sealed for keys that this site no longer has")
