"""Instructions and replies as bytes: a checked heading, then the parcels.

Layout: magic (4 bytes), length of the JSON part (4 bytes, big-endian), the JSON part
(canonical: sorted keys, no blanks), then each parcel's payload, in order. The JSON part
names the length of every payload, and the lengths must add up: nothing is cut, appended
or allocated beyond what arrived.

A parcel's payload is sealed between sites (see `envelope`): the coordinator routes by `kind`,
`sender` and `recipients` and cannot read it. Around these bytes stands a signature (see
`signed`).
"""

import json
import struct
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import Field, ValidationError

from grandrounds_protocol.envelope.core import Kind, LedgerHead
from grandrounds_protocol.errors import BadMessage, VersionSkew
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Record
from grandrounds_protocol.records import Failure, Heading, InstructionBody, ReplyBody

VERSION = 1
MAX_MESSAGE_BYTES = 1 << 31
MAX_HEAD_BYTES = 16 << 20
_MAGIC = b"GRM\x01"
_PREFIX = struct.Struct(">4sI")

B = TypeVar("B", bound=Record)
ParcelKind = Kind


@dataclass(frozen=True)
class Parcel:
    """Bytes from one site for some others."""

    kind: ParcelKind
    sender: str
    recipients: tuple[str, ...]
    payload: bytes


@dataclass(frozen=True)
class Instruction:
    """What the coordinator asks one site."""

    body: InstructionBody
    parcels: tuple[Parcel, ...] = field(default=())

    @property
    def heading(self) -> Heading:
        """Which question this is."""
        return self.body.heading

    def to_bytes(self) -> bytes:
        """Canonical bytes: the same instruction always gives the same."""
        return _pack(self.body, self.parcels)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Instruction":
        """Parse and check.

        Raises
        ------
        BadMessage
            If anything is malformed, cut or appended.
        VersionSkew
            If the other side speaks another version.
        """
        head, parcels = _unpack(data)
        body = _checked(InstructionBody, head)
        if body.order.phase != body.heading.phase:
            raise BadMessage("the order is of another phase than its heading")
        return cls(body, parcels)


@dataclass(frozen=True)
class Reply:
    """What a site answers."""

    body: ReplyBody
    parcels: tuple[Parcel, ...] = field(default=())
    ledger: LedgerHead | None = None
    """How far the site's ledger had come; of the signature around these bytes, not in them."""

    @property
    def heading(self) -> Heading:
        """Which question this answers."""
        return self.body.heading

    @classmethod
    def failed(cls, heading: Heading, failure: Failure) -> "Reply":
        """Build a reply that says only why there is none."""
        return cls(ReplyBody(heading=heading, failure=failure))

    def to_bytes(self) -> bytes:
        """Canonical bytes: the same reply always gives the same."""
        return _pack(self.body, self.parcels)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Reply":
        """Parse and check.

        Raises
        ------
        BadMessage
            If anything is malformed, cut or appended, or if it holds both or neither of
            report and failure.
        VersionSkew
            If the other side speaks another version.
        """
        head, parcels = _unpack(data)
        body = _checked(ReplyBody, head)
        if (body.report is None) == (body.failure is None):
            raise BadMessage("a reply holds either a report or a failure")
        if body.report is not None and body.report.phase != body.heading.phase:
            raise BadMessage("the report is of another phase than its heading")
        return cls(body, parcels)


class _ParcelHead(Record):
    kind: ParcelKind
    sender: SiteName
    recipients: tuple[SiteName, ...] = Field(min_length=1)
    length: int = Field(ge=0)


class _Head(Record):
    body: dict[str, object]
    parcels: tuple[_ParcelHead, ...]


def _pack(body: Record, parcels: tuple[Parcel, ...]) -> bytes:
    head = {
        "body": body.model_dump(mode="json"),
        "parcels": [
            {
                "kind": parcel.kind,
                "sender": parcel.sender,
                "recipients": parcel.recipients,
                "length": len(parcel.payload),
            }
            for parcel in parcels
        ],
    }
    text = json.dumps(head, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return b"".join(
        [_PREFIX.pack(_MAGIC, len(text)), text, *(parcel.payload for parcel in parcels)]
    )


def _unpack(data: bytes) -> tuple[dict[str, object], tuple[Parcel, ...]]:
    if len(data) < _PREFIX.size or len(data) > MAX_MESSAGE_BYTES:
        raise BadMessage("the message is too short or too long")
    magic, head_length = _PREFIX.unpack_from(data)
    if magic != _MAGIC:
        raise BadMessage("not a message of this protocol")
    start = _PREFIX.size + head_length
    if head_length > MAX_HEAD_BYTES or start > len(data):
        raise BadMessage("the message is cut short or its heading is too long")
    head = _parse_head(data[_PREFIX.size : start])
    if start + sum(parcel.length for parcel in head.parcels) != len(data):
        raise BadMessage("the parcels' lengths do not add up to the message")
    parcels = []
    for parcel in head.parcels:
        payload = data[start : start + parcel.length]
        parcels.append(Parcel(parcel.kind, parcel.sender, parcel.recipients, payload))
        start += parcel.length
    return head.body, tuple(parcels)


def _parse_head(text: bytes) -> _Head:
    try:
        head = _Head.model_validate_json(text)
    except (ValidationError, RecursionError):
        raise BadMessage("the heading is not well-formed") from None
    heading = head.body.get("heading")
    version = heading.get("version") if isinstance(heading, dict) else None
    if isinstance(version, int) and version != VERSION:
        raise VersionSkew(
            f"this side speaks protocol version {VERSION}, the other {version}",
            remedy="run the same release of grandrounds on both sides",
        )
    return head


def _checked(model: type[B], body: dict[str, object]) -> B:
    try:
        # JSON mode: tuples arrive as lists
        return model.model_validate_json(json.dumps(body))
    except (ValidationError, ValueError):
        raise BadMessage("a field of the message is missing, unknown or out of range") from None
