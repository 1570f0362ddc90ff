"""A member who signs whatever it likes: envelopes with one thing wrong, and a signature that holds.

All of it is written again here, so that no check of the product stands in the way.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from grandrounds_protocol.envelope import Letter, Sealed
from grandrounds_protocol.envelope.wrap import leaf, unwrap, wrap
from grandrounds_protocol.merkle import levels, proof
from grandrounds_protocol.roster import Member
from tests.protocol.members import member, throw_away

NONCE = bytes(12)


def canonical(fields: object) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Forger:
    """An envelope in the making; every part can be another than it should be."""

    fields: Mapping[str, object]
    key: bytes
    plain: bytes
    names: Sequence[str] = ("s0", "s1", "s2", "s3", "s4")
    at: int = 2
    core: bytes | None = None
    bound: bytes | None = None
    """What the content is bound to, where that is not the core."""
    wrapped: Mapping[int, bytes] = field(default_factory=dict)
    """Wrapped keys that are not made here."""
    leaves_of: Mapping[int, str] = field(default_factory=dict)
    label: str = "envelope"
    signer: str = "a"

    @classmethod
    def of(cls, letter: bytes) -> "Forger":
        """Begin with all that is in a good letter to `s2`."""
        good = Letter.from_bytes(letter)
        key = unwrap(good.wrapped, good.core, throw_away("s2"))
        plain = AESGCM(key).decrypt(NONCE, bytes(good.text), good.core)
        return cls(json.loads(good.core), key, plain)

    def but(self, **fields: object) -> "Forger":
        """Write other fields into the core."""
        return replace(self, fields={**self.fields, **fields})

    def placed(self, **fields: object) -> "Forger":
        """Write other fields into the place."""
        place = self.fields["place"]
        assert isinstance(place, dict)
        return self.but(place={**place, **fields})

    @property
    def members(self) -> list[Member]:
        return [member(name) for name in self.names]

    @property
    def head(self) -> bytes:
        return canonical(self.fields) if self.core is None else self.core

    @property
    def text(self) -> bytes:
        return AESGCM(self.key).encrypt(NONCE, self.plain, self.bound or self.head)

    def keys(self) -> list[bytes]:
        return [
            self.wrapped.get(number) or wrap(self.key, self.head, each)
            for number, each in enumerate(self.members)
        ]

    def tree(self, wrapped: Sequence[bytes]) -> list[list[bytes]]:
        owners = [self.leaves_of.get(number, name) for number, name in enumerate(self.names)]
        return levels([leaf(k, member(o)) for k, o in zip(wrapped, owners, strict=True)])

    def sign(self, root: bytes, text: bytes) -> bytes:
        digests = hashlib.sha256(self.head).digest() + hashlib.sha256(text).digest() + root
        return throw_away(self.signer).sign(self.label, digests)

    def letter(self) -> bytes:
        """The letter to the recipient at `at`."""
        wrapped, text = self.keys(), self.text
        tree = self.tree(wrapped)
        signature = self.sign(tree[-1][0], text)
        beside = tuple(proof(tree, self.at))
        return Letter(self.head, self.at, wrapped[self.at], beside, signature, text).to_bytes()

    def sealed(self) -> bytes:
        """The envelope for all."""
        wrapped, text = self.keys(), self.text
        signature = self.sign(self.tree(wrapped)[-1][0], text)
        return Sealed(self.head, tuple(wrapped), signature, text).to_bytes()
