"""The site's outer door: instructions are verified and opened, replies sealed and signed.

Everything between the two speaks of plain parcels and knows of no key.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from grandrounds_client.identity import Identity
from grandrounds_client.ledger import Event, OpenedEntry, RefusedEntry, SealedEntry
from grandrounds_protocol.envelope import Letter, Place, open_letter, seal
from grandrounds_protocol.errors import Refused, RosterNotAccepted
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import Heading
from grandrounds_protocol.roster import Roster
from grandrounds_protocol.signed import Signed, SignedHead, sign_message
from grandrounds_protocol.times import DAY

MESSAGE_LIFE = 2 * DAY
ENVELOPE_LIFE = 14 * DAY
"""Seconds for which messages and envelopes hold. A run binds them closer: to a round, a phase
and one answer. These bounds are for what outlives its run."""


@dataclass(frozen=True)
class Asked:
    """A verified instruction.

    Attributes
    ----------
    instruction : Instruction
        Its parcels opened; those that do not open are left out.
    refused : dict of str to str
        By sender, the error's name of a parcel that does not open.
    digest : str
        SHA-256 of the instruction's body.
    roster : Roster
        That the run goes by.
    events : tuple of Event
        For the ledger: what was opened and refused.
    """

    instruction: Instruction
    refused: dict[str, str]
    digest: str
    roster: Roster
    events: tuple[Event, ...]


def verified(identity: Identity, data: bytes) -> tuple[bytes, str, Roster]:
    """Check that the coordinator asks this site, now; return body, its digest and the roster.

    Raises
    ------
    BadMessage, BadSignature, UnknownSite, RosterNotAccepted, Stale, ClockSkew
    """
    signed, now = Signed.from_bytes(data), identity.clock()
    roster = identity.trust.roster(signed.head.roster, now)
    signed.verify(
        identity.trust.member(roster, roster.coordinator.name, "coordinator"),
        to=identity.me(roster).name,
        roster=roster.fingerprint,
        purpose="instruction",
        now=now,
    )
    return bytes(signed.body), signed.digest, roster


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


def opened(identity: Identity, instruction: Instruction, digest: str, roster: Roster) -> Asked:
    """Open the parcels of an instruction; one that does not open costs its sender only."""
    parcels: list[Parcel] = []
    refused: dict[str, str] = {}
    events: list[Event] = []
    for parcel in instruction.parcels:
        try:
            plain, event = _open(identity, instruction.heading, parcel, roster)
        except Refused as error:
            refused[parcel.sender] = error.code
            what = f"{parcel.kind} of {parcel.sender}"
            events.append(RefusedEntry(run=instruction.heading.run, what=what, code=error.code))
            continue
        parcels.append(plain)
        events.append(event)
    plain_instruction = replace(instruction, parcels=tuple(parcels))
    return Asked(plain_instruction, refused, digest, roster, tuple(events))


def _open(
    identity: Identity, heading: Heading, parcel: Parcel, roster: Roster
) -> tuple[Parcel, OpenedEntry]:
    place = place_of(heading, parcel.kind, roster)
    found = open_letter(
        Letter.from_bytes(parcel.payload),
        sender=identity.trust.member(roster, parcel.sender, "site"),
        recipient=identity.me(roster),
        own=identity.keys,
        place=place,
        now=identity.clock(),
    )
    payload = bytes(found.payload)
    entry = OpenedEntry(
        place=place,
        sender=parcel.sender,
        serial=found.core.serial,
        contents=hashlib.sha256(payload).hexdigest(),
        ledger=found.core.ledger,
    )
    return replace(parcel, payload=payload), entry


def sealed(
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
        payload = envelope.to_bytes()
        found.append(replace(parcel, payload=payload))
        events.append(
            SealedEntry(
                place=place,
                recipients=parcel.recipients,
                serial=envelope.header.serial,
                digest=hashlib.sha256(payload).hexdigest(),
                contents=hashlib.sha256(parcel.payload).hexdigest(),
                rows=rows_in(parcel),
            )
        )
    return tuple(found), tuple(events)


def signed(identity: Identity, body: bytes, asked: str, roster: Roster) -> bytes:
    """Sign a reply to the instruction whose body has the digest `asked`."""
    now = identity.clock()
    head = SignedHead(
        purpose="reply",
        roster=roster.fingerprint,
        signer=identity.name,
        to=roster.coordinator.name,
        created=now,
        expires=now + MESSAGE_LIFE,
        answers=asked,
        ledger=identity.ledger.head,
    )
    return sign_message(body, head, identity.keys_on(roster))


def merged(*refused: Mapping[str, str]) -> dict[str, str]:
    """All that was refused, by sender; what did not open comes first."""
    found: dict[str, str] = {}
    for part in reversed(refused):
        found.update(part)
    return found
