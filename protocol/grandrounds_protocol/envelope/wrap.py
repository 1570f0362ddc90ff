"""A content key, wrapped for one recipient: HPKE (RFC 9180) over MLKEM768-X25519."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from grandrounds_protocol.envelope.content import KEY_BYTES, TAG_BYTES
from grandrounds_protocol.errors import BadEnvelope
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.merkle import leaf_hash
from grandrounds_protocol.roster import Member

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"grandrounds v1 envelope\x00"
WRAPPED_BYTES = KEM.MLKEM768_X25519.enc_length() + KEY_BYTES + TAG_BYTES


def wrap(key: bytes, core: bytes, recipient: Member) -> bytes:
    """Wrap a content key for one recipient and one core."""
    return _SUITE.encrypt(key, recipient.keys.receiver, info=_INFO + core)


def unwrap(wrapped: bytes, core: bytes, own: KeyPair) -> bytes:
    """Return the content key.

    Raises
    ------
    BadEnvelope
        If it was wrapped for another key or core, or changed.
    """
    try:
        return _SUITE.decrypt(wrapped, own.receiver, info=_INFO + core)
    except InvalidTag:
        raise BadEnvelope("the envelope was not sealed for this site") from None


def leaf(wrapped: bytes, recipient: Member) -> bytes:
    """Hash of one wrapped key and whose it is, for the signed tree."""
    name = recipient.name.encode()
    return leaf_hash(len(name).to_bytes(2, "big") + name + wrapped)
