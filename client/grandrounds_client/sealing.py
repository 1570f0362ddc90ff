"""The site's outer door: instructions are verified and opened, replies sealed and signed.

Everything between the two speaks of plain parcels and knows of no key.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from grandrounds_client.identity import Identity
from grandrounds_client.ledger import Event, OpenedEntry, RefusedEntry, SealedEntry
from grandrounds_client.peer_ledgers import check_went_on, key_of
from grandrounds_client.release import bucket
from grandrounds_protocol.envelope import Letter, Place, Sealed, open_letter, seal
from grandrounds_protocol.errors import Refused, RosterNotAccepted
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import (
    DistillReport,
    Heading,
    Report,
    RetrainReport,
    ReviewReport,
)
from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.signed import Purpose, Signed, SignedHead, sign_message
from grandrounds_protocol.times import DAY

MESSAGE_LIFE = 2 * DAY
ENVELOPE_LIFE = 14 * DAY
"""Seconds for which messages and envelopes hold. A run binds them closer: to a round, a phase
and one answer. These bounds are for what outlives its run."""


@dataclass(frozen=True)
class Opened:
    """An instruction with its parcels opened.

    Attributes
    ----------
    instruction : Instruction
        Parcels that do not open are left out.
    refused : dict of str to str
        By sender, the error's name of a parcel that does not open.
    events : tuple of Event
        For the ledger: what was opened and refused.
    heads : dict of str to bytes
        For the store: how far the senders' ledgers had come.
    """

    instruction: Instruction
    refused: dict[str, str]
    events: tuple[Event, ...]
    heads: dict[str, bytes]


def verified(identity: Identity, data: bytes) -> tuple[bytes, str, Roster]:
    """Check that the coordinator asks this site, now; return body, its digest and the roster.

    Raises
    ------
    BadMessage, BadSignature, UnknownSite, RosterNotAccepted, Stale, ClockSkew
    """
    message, now = Signed.from_bytes(data), identity.clock()
    roster = identity.trust.roster(message.head.roster, now)
    message.verify(
        identity.trust.member(roster, roster.coordinator.name, "coordinator"),
        to=identity.me(roster).name,
        roster=roster.fingerprint,
        purpose="instruction",
        now=now,
    )
    return bytes(message.body), message.digest, roster


def check_current(identity: Identity, roster: Roster) -> None:
    """Refuse to begin a run by an older roster than the one accepted.

    Raises
    ------
    RosterNotAccepted
    """
    if roster.fingerprint != identity.trust.current.fingerprint:
        raise RosterNotAccepted(
            f"the run would begin by version {roster.version} of the roster, and version "
            f"{identity.trust.current.version} was accepted",
            remedy="the operator starts runs by the newest roster",
        )


def place_of(heading: Heading, kind: str, roster: Roster) -> Place:
    """Where in a run a parcel of this question belongs."""
    return Place.model_validate(
        {
            "roster": roster.fingerprint,
            "run": heading.run,
            "round": heading.round,
            "attempt": heading.attempt,
            "kind": kind,
        }
    )


def open_parcels(
    identity: Identity, instruction: Instruction, roster: Roster, store: Mapping[str, bytes]
) -> Opened:
    """Open the parcels of an instruction; one that does not open costs its sender only.

    `store` has how far peers' ledgers had come.
    """
    parcels: list[Parcel] = []
    refused: dict[str, str] = {}
    events: list[Event] = []
    heads: dict[str, bytes] = {}
    for parcel in instruction.parcels:
        try:
            sender = identity.trust.member(roster, parcel.sender, "site")
            plain, event = _open(identity, instruction.heading, parcel, sender, roster)
            heads[key_of(sender)] = check_went_on(sender, event.ledger, store)
        except Refused as error:
            refused[parcel.sender] = error.code
            what = f"{parcel.kind} of {parcel.sender}"
            events.append(RefusedEntry(run=instruction.heading.run, what=what, code=error.code))
            continue
        parcels.append(plain)
        events.append(event)
    plain_instruction = replace(instruction, parcels=tuple(parcels))
    return Opened(plain_instruction, refused, tuple(events), heads)


def _open(
    identity: Identity, heading: Heading, parcel: Parcel, sender: Member, roster: Roster
) -> tuple[Parcel, OpenedEntry]:
    place = place_of(heading, parcel.kind, roster)
    found = open_letter(
        Letter.from_bytes(parcel.payload),
        sender=sender,
        recipient=identity.me(roster),
        own=identity.keys,
        place=place,
        now=identity.clock(),
    )
    entry = OpenedEntry(
        place=place,
        sender=parcel.sender,
        serial=found.core.serial,
        contents=hashlib.sha256(found.payload).hexdigest(),
        ledger=found.core.ledger,
    )
    return replace(parcel, payload=found.payload), entry


def seal_parcels(
    identity: Identity,
    heading: Heading,
    parcels: Iterable[Parcel],
    roster: Roster,
    rows_in: Callable[[Parcel], int | None],
) -> tuple[tuple[Parcel, ...], tuple[Event, ...]]:
    """Seal parcels for their recipients; return them, and what the ledger is to say of them.

    Raises
    ------
    UnknownSite
        If a recipient is not on the roster, or was revoked.
    """
    found: list[Parcel] = []
    events: list[Event] = []
    keys, now, head = identity.keys_on(roster), identity.clock(), identity.ledger.head
    for parcel in parcels:
        place = place_of(heading, parcel.kind, roster)
        envelope = seal(
            parcel.payload,
            place,
            sender=identity.name,
            keys=keys,
            recipients=[identity.trust.member(roster, name, "site") for name in parcel.recipients],
            created=now,
            expires=now + ENVELOPE_LIFE,
            ledger=head,
        )
        found.append(replace(parcel, payload=envelope))
        events.append(
            SealedEntry(
                place=place,
                recipients=parcel.recipients,
                serial=Sealed.from_bytes(envelope).header.serial,
                digest=hashlib.sha256(envelope).hexdigest(),
                contents=hashlib.sha256(parcel.payload).hexdigest(),
                rows=rows_in(parcel),
            )
        )
    return tuple(found), tuple(events)


def sign_hello(identity: Identity, challenge: str) -> bytes:
    """Sign that this is the site of that name, by the roster accepted last."""
    return _sign(identity, "hello", b"", challenge, identity.trust.current)


def sign_reply(identity: Identity, body: bytes, asked: str, roster: Roster) -> bytes:
    """Sign a reply to the instruction whose body has the digest `asked`."""
    return _sign(identity, "reply", body, asked, roster)


def _sign(identity: Identity, purpose: Purpose, body: bytes, asked: str, roster: Roster) -> bytes:
    now = identity.clock()
    head = SignedHead(
        purpose=purpose,
        roster=roster.fingerprint,
        signer=identity.name,
        to=roster.coordinator.name,
        created=now,
        expires=now + MESSAGE_LIFE,
        answers=asked,
        ledger=identity.ledger.head,
    )
    return sign_message(body, head, identity.keys_on(roster))


def with_unopened(report: Report, refused: Mapping[str, str]) -> Report:
    """Say in a report whose parcels did not open, with the error's name."""
    match report:
        case DistillReport() | ReviewReport():
            said: dict[str, object] = {**report.refused, **refused}
        case RetrainReport():
            whole = {sender: {code: bucket(1)} for sender, code in refused.items()}
            said = {**report.refused, **whole}
        case _:
            return report
    return report.model_copy(update={"refused": said})
