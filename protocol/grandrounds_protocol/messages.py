"""Instructions and replies as bytes: a checked heading, then the parcels.

Layout: magic (4 bytes), length of the JSON part (4 bytes, big-endian), the JSON part
(canonical: sorted keys, no blanks), then each parcel's payload, in order. The JSON part
names the length of every payload, and the lengths must add up: nothing is cut, appended
or allocated beyond what arrived. Another spelling of the same JSON is refused, and with it
keys that stand twice: two readers could each take another one.

A parcel's payload is sealed between sites (see `envelope`): the coordinator routes by `kind`,
`sender` and `recipients` and cannot read it. Around these bytes stands a signature (see
`signed`).
"""

import json
import struct
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from pydantic import FailFast, Field, ValidationError

from grandrounds_protocol.envelope.core import Kind, LedgerHead
from grandrounds_protocol.errors import BadMessage, VersionSkew
from grandrounds_protocol.fault import MANY, field_at_fault
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Record
from grandrounds_protocol.records import Failure, Heading, InstructionBody, ReplyBody

VERSION = 1
MAX_MESSAGE_BYTES = 1 << 31
MAX_HEAD_BYTES = 16 << 20
MAX_PARCELS = 10_000
MAX_GROUPS = 100_000
MAX_VALUES = 500_000
"""Lists and objects of a heading, and values: enough for 700 sites that all meet, and for
any number of which each meets a few (`peers_per_round`)."""
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
        body, parcels = _unpack(_Head[InstructionBody], data)
        if body.order.phase != body.heading.phase:
            problem = "the order is of another phase than its heading"
            raise BadMessage(problem, where="body.order.phase")
        return _canonical(cls(body, parcels), data)


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
        body, parcels = _unpack(_Head[ReplyBody], data)
        if (body.report is None) == (body.failure is None):
            raise BadMessage("a reply holds either a report or a failure", where="body.report")
        if body.report is not None and body.report.phase != body.heading.phase:
            problem = "the report is of another phase than its heading"
            raise BadMessage(problem, where="body.report.phase")
        return _canonical(cls(body, parcels), data)


M = TypeVar("M", Instruction, Reply)


class _ParcelHead(Record):
    kind: ParcelKind
    sender: SiteName
    recipients: Annotated[tuple[SiteName, ...], FailFast()] = Field(min_length=1)
    length: int = Field(ge=0)


class _Head(Record, Generic[B]):
    body: B
    parcels: Annotated[tuple[_ParcelHead, ...], FailFast()] = Field(max_length=MAX_PARCELS)


def _pack(body: Record, parcels: tuple[Parcel, ...]) -> bytes:
    return b"".join([_heading(body, parcels), *(parcel.payload for parcel in parcels)])


def _heading(body: Record, parcels: tuple[Parcel, ...]) -> bytes:
    """Everything before the payloads."""
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
    return _PREFIX.pack(_MAGIC, len(text)) + text


def _canonical(message: M, data: bytes) -> M:
    """Return the message if `data` is how it is written, or refuse."""
    if not data.startswith(_heading(message.body, message.parcels)):
        problem = "the heading is not written as this protocol writes it, or a key stands twice"
        raise BadMessage(problem, where="heading")
    return message


def _unpack(model: type[_Head[B]], data: bytes) -> tuple[B, tuple[Parcel, ...]]:
    if len(data) < _PREFIX.size or len(data) > MAX_MESSAGE_BYTES:
        raise BadMessage("the message is too short or too long", where="message")
    magic, head_length = _PREFIX.unpack_from(data)
    if magic != _MAGIC:
        raise BadMessage("not a message of this protocol", where="the first 4 bytes")
    start = _PREFIX.size + head_length
    if head_length > MAX_HEAD_BYTES or start > len(data):
        problem = "the message is cut short or its heading is too long"
        raise BadMessage(problem, where="length of the heading")
    head = _read_head(model, data[_PREFIX.size : start])
    if start + sum(parcel.length for parcel in head.parcels) != len(data):
        problem = "the parcels' lengths do not add up to the message"
        raise BadMessage(problem, where="parcels")
    parcels = []
    for parcel in head.parcels:
        payload = data[start : start + parcel.length]
        parcels.append(Parcel(parcel.kind, parcel.sender, parcel.recipients, payload))
        start += parcel.length
    return head.body, tuple(parcels)


def _read_head(model: type[_Head[B]], text: bytes) -> _Head[B]:
    # a parser turns three bytes into a list of hundreds
    if text.count(b"{") + text.count(b"[") > MAX_GROUPS or text.count(b",") > MAX_VALUES:
        problem = f"more than {MAX_GROUPS} lists and objects, or {MAX_VALUES} values"
        raise BadMessage(problem, where="heading")
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        _check_version(error)
        problem = "a field of the message is missing, unknown or out of range"
        raise BadMessage(problem, where=f"heading, field {field_at_fault(error)}") from None


def _check_version(error: ValidationError) -> None:
    """Say so where it is the version that is another."""
    if error.error_count() > MANY:
        return
    for fault in error.errors(include_url=False, include_context=False):
        if fault["loc"] == ("body", "heading", "version") and isinstance(fault["input"], int):
            raise VersionSkew(
                f"this side speaks protocol version {VERSION}, the other {fault['input']}",
                where="body.heading.version",
                remedy="run the same release of grandrounds on both sides",
            ) from None
