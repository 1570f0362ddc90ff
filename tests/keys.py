"""Keys of a made-up federation, and what its coordinator and peers do with them."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from grandrounds.throwaway import Throwaway
from grandrounds_client.identity import Identity
from grandrounds_client.sealing import open_parcels, seal_parcels, sign_reply
from grandrounds_protocol.envelope import Sealed
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import DistillOrder, Heading, InstructionBody, Score
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.scores import ScoredCandidate, sign_score
from grandrounds_protocol.signed import Signed

NAMES = ("north", "south", "west", "east", *"abcdefgh", *(f"site-{number}" for number in range(60)))
KEYS = Throwaway.of("demo", NAMES)
ROSTER = KEYS.roster
OFFICE = KEYS.office


def identity(name: str) -> Identity:
    """A member's identity, its ledger empty."""
    return KEYS.identity(name)


def answered(reply: Reply, question: bytes) -> bytes:
    """Sign a reply as its site would; its parcels are sealed already."""
    site = reply.heading.site
    return sign_reply(identity(site), reply.to_bytes(), Signed.from_bytes(question).digest, ROSTER)


def sealed(heading: Heading, parcels: Iterable[Parcel]) -> tuple[Parcel, ...]:
    """Seal parcels as their senders would; those of nobody on the roster stay as they are."""
    found: list[Parcel] = []
    for parcel in parcels:
        known = parcel.sender in NAMES and set(parcel.recipients) <= set(NAMES)
        found += _sealed(heading, parcel) if known else (parcel,)
    return tuple(found)


def _sealed(heading: Heading, parcel: Parcel) -> tuple[Parcel, ...]:
    return seal_parcels(identity(parcel.sender), heading, [parcel], ROSTER, lambda _: None)[0]


def letters(heading: Heading, parcels: Iterable[Parcel], recipient: str) -> tuple[Parcel, ...]:
    """Seal parcels and cut out what one recipient gets, as the coordinator does."""
    return tuple(letter(parcel, recipient) for parcel in sealed(heading, parcels))


def letter(parcel: Parcel, recipient: str) -> Parcel:
    """Cut out one recipient's letter; what is not sealed for it stays as it is."""
    if recipient not in parcel.recipients or parcel.sender not in NAMES:
        return parcel
    members = [ROSTER.member(name, "site") for name in parcel.recipients]
    cut = Sealed.from_bytes(parcel.payload).letters(members)(recipient)
    return replace(parcel, payload=cut.to_bytes())


def question(instruction: Instruction) -> bytes:
    """What the coordinator sends a site: its peers' letters, signed."""
    site = instruction.heading.site
    cut = letters(instruction.heading, instruction.parcels, site)
    return OFFICE.sign(Instruction(instruction.body, cut).to_bytes(), site)


def scored(score: Score, heading: Heading, student: str, reviewer: str, candidate: bytes) -> Score:
    """Let a reviewer sign its score; somebody who is no member cannot."""
    if reviewer not in NAMES:
        return score
    about = ScoredCandidate(
        roster=ROSTER.fingerprint,
        run=heading.run,
        round=heading.round,
        attempt=heading.attempt,
        reviewer=reviewer,
        student=student,
        candidate=hashlib.sha256(candidate).hexdigest(),
    )
    return sign_score(score, about, KEYS.sites[reviewer])


def reply(data: bytes, answers: bytes | None = None) -> Reply:
    """Read a site's signed reply, to the question `answers` if given; its parcels opened."""
    signed = Signed.from_bytes(data)
    digest = signed.head.answers
    if answers is not None:
        assert Signed.from_bytes(answers).digest == digest
    found = OFFICE.read(data, signed.head.signer, digest)
    return replace(found, parcels=tuple(opened(found.heading, each) for each in found.parcels))


def opened(heading: Heading, parcel: Parcel) -> Parcel:
    """Open a sealed parcel as its first recipient would."""
    recipient = parcel.recipients[0]
    cut = replace(letter(parcel, recipient), recipients=(recipient,))
    body = _asking(heading, recipient)
    found = open_parcels(identity(recipient), Instruction(body, (cut,)), ROSTER, {})
    assert found.refused == {}
    return replace(found.instruction.parcels[0], recipients=parcel.recipients)


def _asking(heading: Heading, recipient: str) -> InstructionBody:
    return InstructionBody(
        heading=heading.model_copy(update={"site": recipient}),
        sites=(recipient,),
        rules=Rules(),
        order=DistillOrder(),
    )
