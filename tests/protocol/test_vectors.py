"""Every vector: good letters open for ever, and each hostile file is refused by its name."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grandrounds_protocol import errors
from grandrounds_protocol.envelope import Letter, Place, Sealed, open_letter
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import Member
from grandrounds_protocol.signed import Signed
from grandrounds_protocol.trust import Trust
from tests.vectors.patches import applied, read

VECTORS = Path(__file__).parent.parent / "vectors"
ENVELOPES, ROSTERS, SIGNED = (VECTORS / name for name in ("envelopes", "rosters", "signed"))
LETTERS: dict[str, Any] = read(ENVELOPES / "letters.json")


def hostile(folder: str) -> list[str]:
    return sorted(read(VECTORS / folder / "manifest.json"))


@cache
def keys(name: str) -> KeyPair:
    return KeyPair.from_secret(LETTERS["keys"][name], "letters.json")


def site(name: str) -> Member:
    return Member(name=name, role="site", keys=keys(name).public)


def opened(data: bytes, recipient: str, sender: str, place: dict[str, Any], now: int) -> bytes:
    return bytes(
        open_letter(
            Letter.from_bytes(data),
            sender=site(sender),
            recipient=site(recipient),
            own=[keys(recipient)],
            place=Place.model_validate({**LETTERS["place"], **place}),
            now=now,
        ).payload
    )


@pytest.mark.parametrize("name", sorted(LETTERS["letters"]))
def test_a_letter_of_the_first_release_opens(name: str) -> None:
    told = LETTERS["letters"][name]
    data = (ENVELOPES / "letters" / f"{name}.bin").read_bytes()
    payload = opened(data, told["recipient"], LETTERS["sender"], {}, LETTERS["now"])
    assert len(payload) == told["bytes"]
    assert hashlib.sha256(payload).hexdigest() == told["sha256"]


def test_an_envelope_of_the_first_release_is_cut_into_letters_that_open() -> None:
    envelope = Sealed.from_bytes((ENVELOPES / "letters" / "three.bin").read_bytes())
    letters = envelope.letters([site("s0"), site("s1"), site("s2")])
    for name in ("s0", "s1", "s2"):
        payload = opened(letters(name).to_bytes(), name, LETTERS["sender"], {}, LETTERS["now"])
        assert payload == b"for three"


@pytest.mark.parametrize("name", hostile("envelopes"))
def test_hostile_envelope(name: str) -> None:
    expected: Any = read(ENVELOPES / "manifest.json")[name]
    vector: Any = read(ENVELOPES / "hostile" / f"{name}.json")
    base = (ENVELOPES / "letters" / vector["base"]).read_bytes()
    data, how = applied(base, vector["pieces"]), vector["open"]
    with refused(expected):
        if vector["base"] == "three.bin":
            letters = Sealed.from_bytes(data).letters([site("s0"), site("s1"), site("s2")])
            data = letters("s1").to_bytes()
        recipient = how.get("recipient", "s1" if vector["base"] == "three.bin" else "s2")
        sender = how.get("sender", LETTERS["sender"])
        now = how.get("now", LETTERS["now"])
        opened(data, recipient, sender, how.get("place", {}), now)


@cache
def trust() -> Trust:
    pinned: Any = read(ROSTERS / "pinned.json")
    return Trust.begin(
        (ROSTERS / "version-3.json").read_bytes(), pinned["authority"], pinned["now"]
    )


@pytest.mark.parametrize("name", hostile("rosters"))
def test_hostile_roster(name: str) -> None:
    expected: Any = read(ROSTERS / "manifest.json")[name]
    vector: Any = read(ROSTERS / "hostile" / f"{name}.json")
    now: Any = read(ROSTERS / "pinned.json")["now"]
    data = applied((ROSTERS / "version-3.json").read_bytes(), vector["pieces"])
    with refused(expected):
        trust().offered(data, now)


def believed(data: bytes) -> None:
    about: Any = read(SIGNED / "about.json")
    keys = KeyPair.from_secret(about["keys"]["hub"], "about.json").public
    hub = Member(name="hub", role="coordinator", keys=keys)
    message = Signed.from_bytes(data)
    message.verify(hub, to="a", roster=about["roster"], purpose="instruction", now=about["now"])


def test_an_instruction_of_the_first_release_is_believed() -> None:
    believed((SIGNED / "instruction.bin").read_bytes())


@pytest.mark.parametrize("name", hostile("signed"))
def test_hostile_message(name: str) -> None:
    expected: Any = read(SIGNED / "manifest.json")[name]
    vector: Any = read(SIGNED / "hostile" / f"{name}.json")
    data = applied((SIGNED / "instruction.bin").read_bytes(), vector["pieces"])
    with refused(expected):
        believed(data)


@contextmanager
def refused(expected: dict[str, str]) -> Iterator[None]:
    """Exactly that error, no relative of it."""
    with pytest.raises(
        getattr(errors, expected["error"]), match=expected["says"] or None
    ) as caught:
        yield
    assert caught.type.__name__ == expected["error"]
