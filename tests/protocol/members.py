"""Members of a federation that never was, with keys that anybody can make."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache

from grandrounds_protocol.envelope import Letter, Place, Sealed, open_letter, seal
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.envelope.letter import Opened
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import Member, Role, Roster

NOW = 1_800_000_000
HOUR = 3600
PLACE = Place(roster="ab" * 32, run="run-1", round=1, attempt=1, kind="instances")
LEDGER = LedgerHead(entries=7, digest="cd" * 32)


@cache
def throw_away(name: str) -> KeyPair:
    """Keys made of a name: the same each time, and worth nothing."""
    seed = b"".join(hashlib.sha512(f"{name} {part}".encode()).digest() for part in range(2))
    return KeyPair.from_secret(base64.b64encode(seed).decode(), name)


@cache
def member(name: str, role: Role = "site", keys: KeyPair | None = None) -> Member:
    return Member(name=name, role=role, keys=(keys or throw_away(name)).public)


def roster(
    *members: Member,
    version: int = 1,
    created: int = NOW,
    federation: str = "f",
    revoked: tuple[str, ...] = (),
) -> Roster:
    return Roster(
        federation=federation,
        version=version,
        created=created,
        expires=created + HOUR,
        members=members,
        revoked=revoked,
    )


def sealed(
    payload: bytes = b"rows",
    recipients: Sequence[Member] = (),
    *,
    sender: str = "a",
    keys: KeyPair | None = None,
    place: Place = PLACE,
    created: int = NOW,
) -> Sealed:
    """Seal in the name of `sender`, with that member's keys or others."""
    data = seal(
        payload,
        place,
        sender=sender,
        keys=keys or throw_away(sender),
        recipients=recipients or [member("b")],
        created=created,
        expires=created + HOUR,
        ledger=LEDGER,
    )
    return Sealed.from_bytes(data)


def opened(
    letter: Letter | bytes,
    recipient: str = "b",
    *,
    sender: Member | None = None,
    place: Place = PLACE,
    now: int = NOW,
) -> Opened:
    """Open as a site would."""
    return open_letter(
        letter if isinstance(letter, Letter) else Letter.from_bytes(letter),
        sender=sender or member("a"),
        recipient=member(recipient),
        own=[throw_away(recipient)],
        place=place,
        now=now,
    )
