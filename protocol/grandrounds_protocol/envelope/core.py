"""The readable part of an envelope, bound to everything else in it."""

import hashlib
import json
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from grandrounds_protocol.canonical import from_canonical
from grandrounds_protocol.envelope.padding import LEAST, MAX_PADDED
from grandrounds_protocol.errors import BadEnvelope
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Digest, Record
from grandrounds_protocol.roster import Member
from grandrounds_protocol.times import Time

MAX_CORE_BYTES = 4096
MAX_RECIPIENTS = 10_000

Kind = Literal["release", "instances", "candidate"]


class Place(Record):
    """Where in a run an envelope belongs; it opens nowhere else."""

    roster: Digest
    run: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    round: int = Field(ge=1, lt=1 << 53)
    attempt: Literal[1, 2]
    kind: Kind
    """Tells the phase: releases are published, instances distilled, candidates retrained."""


class LedgerHead(Record):
    """How far a member's ledger has come: whoever keeps it can tell a cut tail."""

    entries: int = Field(ge=0, lt=1 << 53)
    digest: Digest


class Core(Record):
    """What everybody may know of an envelope, the coordinator included."""

    version: Literal[1] = 1
    place: Place
    sender: SiteName
    recipients: Digest
    """Of the recipients' names and keys, in order: `recipients_digest`."""
    count: int = Field(ge=1, le=MAX_RECIPIENTS)
    """How many recipients there are."""
    serial: str = Field(pattern=r"^[0-9a-f]{32}$")
    created: Time
    expires: Time
    size: int = Field(ge=LEAST, le=MAX_PADDED)
    """Bytes of the padded payload."""
    commitment: Digest
    """SHA-256 of content key and label: one envelope, one content."""
    ledger: LedgerHead
    """Of the sender, before this envelope is written there."""


def read_core(data: bytes) -> Core:
    """Read a core.

    Raises
    ------
    BadEnvelope
    """
    try:
        return from_canonical(Core, data)
    except ValueError:
        raise BadEnvelope("the envelope's core is not well-formed") from None


def recipients_digest(members: Sequence[Member]) -> str:
    """SHA-256, hex, of who is to receive an envelope, and by which keys.

    Parameters
    ----------
    members : sequence of Member
        In the order of the wrapped keys.
    """
    listed = [[member.name, member.keys.receive] for member in members]
    text = json.dumps(listed, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
