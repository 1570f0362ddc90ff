"""Keys of a member: Ed25519 to sign (RFC 8032), MLKEM768-X25519 to receive.

The second is a hybrid of ML-KEM-768 (FIPS 203) and X25519 (RFC 7748): whoever breaks one of
the two learns nothing. All randomness here is the operating system's; nothing is drawn from
the seed of a run, which the coordinator knows.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey
from pydantic import field_validator

from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.errors import BadInput, BadSignature
from grandrounds_protocol.record import Record

SIGNATURE_BYTES = 64
_SIGN, _LATTICE, _CURVE = 32, 1184, 32
"""Bytes of the public keys: Ed25519, ML-KEM-768, X25519."""
_SECRETS = (32, 64, 32)
"""Bytes of the private ones: Ed25519, the seed of ML-KEM-768, X25519."""
_PRIME = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset({0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8})
"""The y of every point of Ed25519 whose order divides 8, whichever its x."""
_PROBE = X25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Nobody's key: only to see whether another gives a secret at all."""


PUBLIC_BYTES = len('{"receive":"","sign":""}') + 4 * (-(-(_LATTICE + _CURVE) // 3) + -(-_SIGN // 3))
"""Of public keys, in canonical form: base64 takes four letters for three bytes."""


def _labelled(label: str, data: bytes) -> bytes:
    """Keep a signature for one purpose from being shown for another."""
    return b"grandrounds v1 " + label.encode() + b"\x00" + data


class PublicKeys(Record):
    """What others need to check a member's signature, and to seal for it. Base64."""

    sign: str
    receive: str

    @field_validator("sign")
    @classmethod
    def _signs(cls, text: str) -> str:
        raw = _decoded(text, _SIGN)
        Ed25519PublicKey.from_public_bytes(raw)
        y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
        if y % _PRIME in _SMALL_ORDER:
            # RFC 8032 lets it pass, and anybody could sign for it without a secret
            raise ValueError("a signing key of small order")
        return text

    @field_validator("receive")
    @classmethod
    def _receives(cls, text: str) -> str:
        raw = _decoded(text, _LATTICE + _CURVE)
        # ML-KEM-768 refuses keys whose numbers are out of range (FIPS 203, 7.2)
        _receiver(raw)
        # X25519 gives no secret with a point of small order (RFC 7748, 6.1): refused here, or
        # nobody could seal for a list with this member on it
        _PROBE.exchange(X25519PublicKey.from_public_bytes(raw[_LATTICE:]))
        return text

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of both keys, hex: what people compare."""
        return hashlib.sha256(to_canonical(self)).hexdigest()

    @cached_property
    def receiver(self) -> MLKEM768X25519PublicKey:
        """The key to seal for."""
        return _receiver(_decoded(self.receive, _LATTICE + _CURVE))

    @cached_property
    def _verifier(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(_decoded(self.sign, _SIGN))

    def verify(self, label: str, data: bytes, signature: bytes) -> None:
        """Check a signature made for the purpose `label`.

        Raises
        ------
        BadSignature
            If these keys did not make it, for this purpose, over these bytes.
        """
        try:
            self._verifier.verify(signature, _labelled(label, data))
        except InvalidSignature:
            raise BadSignature(f"the signature of the {label} does not hold") from None


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A member's own keys. Never printed: it has no `repr`."""

    signing: Ed25519PrivateKey
    lattice: MLKEM768PrivateKey
    curve: X25519PrivateKey

    @classmethod
    def generate(cls) -> "KeyPair":
        """Draw new keys from the operating system's generator."""
        return cls(
            Ed25519PrivateKey.generate(),
            MLKEM768PrivateKey.generate(),
            X25519PrivateKey.generate(),
        )

    @cached_property
    def public(self) -> PublicKeys:
        """The half that others may know."""
        lattice = self.lattice.public_key().public_bytes_raw()
        curve = self.curve.public_key().public_bytes_raw()
        return PublicKeys(
            sign=_encoded(self.signing.public_key().public_bytes_raw()),
            receive=_encoded(lattice + curve),
        )

    @cached_property
    def receiver(self) -> MLKEM768X25519PrivateKey:
        """The key that opens what was sealed for these keys."""
        return MLKEM768X25519PrivateKey(self.lattice, self.curve)

    def sign(self, label: str, data: bytes) -> bytes:
        """Sign for the purpose `label`: 64 bytes."""
        return self.signing.sign(_labelled(label, data))

    def to_secret(self) -> str:
        """One line of base64, for a file that nobody else may read."""
        parts = (self.signing, self.lattice, self.curve)
        return _encoded(b"".join(part.private_bytes_raw() for part in parts))

    @classmethod
    def from_secret(cls, text: str, where: str) -> "KeyPair":
        """Read what `to_secret` wrote; `where` names the file in messages.

        Raises
        ------
        BadInput
            If it is anything else. The text is not quoted.
        """
        sign, seed, _ = _SECRETS
        try:
            secret = _decoded(text.strip(), sum(_SECRETS))
            return cls(
                Ed25519PrivateKey.from_private_bytes(secret[:sign]),
                MLKEM768PrivateKey.from_seed_bytes(secret[sign : sign + seed]),
                X25519PrivateKey.from_private_bytes(secret[sign + seed :]),
            )
        except ValueError:
            raise BadInput(
                "this is not a key of grandrounds", where=where, remedy="restore it from a backup"
            ) from None


def _receiver(raw: bytes) -> MLKEM768X25519PublicKey:
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:_LATTICE]),
        X25519PublicKey.from_public_bytes(raw[_LATTICE:]),
    )


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str, size: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if len(raw) != size or _encoded(raw) != text:
        raise ValueError(f"must be the base64 of {size} bytes")
    return raw
