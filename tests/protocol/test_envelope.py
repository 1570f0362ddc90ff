"""Envelopes: only the sites named can read them, and nobody can change them."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grandrounds_protocol.envelope import Letter, Sealed, open_letter, seal
from grandrounds_protocol.envelope.content import TAG_BYTES
from grandrounds_protocol.envelope.padding import LEAST, LENGTH_BYTES, MAX_PAYLOAD, padded_size
from grandrounds_protocol.envelope.wrap import WRAPPED_BYTES, wrap
from grandrounds_protocol.errors import (
    BadEnvelope,
    BadInput,
    ClockSkew,
    GrandRoundsError,
    Stale,
    UnknownSite,
)
from grandrounds_protocol.roster import Member
from grandrounds_protocol.signed import Signed
from grandrounds_protocol.times import SKEW, spell
from tests.vectors.envelopes.forging import Forger

from .members import HOUR, LEDGER, NOW, PLACE, member, opened, roster, sealed, throw_away

NAMES = [f"s{number}" for number in range(30)]
ROWS = b"canary row 4711"


@cache
def sites() -> list[Member]:
    return [member(name) for name in NAMES]


@cache
def letter() -> bytes:
    """The letter of the third of five recipients."""
    return sealed(ROWS, sites()[:5]).letters(sites()[:5])("s2").to_bytes()


@cache
def envelope() -> bytes:
    return sealed(ROWS, sites()[:3]).to_bytes()


def read(data: bytes, name: str = "s2") -> bytes:
    return bytes(opened(data, name).payload)


def delivered(data: bytes) -> bytes:
    """By way of the coordinator."""
    return bytes(opened(Sealed.from_bytes(data).letters(sites()[:3])("s1"), "s1").payload)


SIZES = st.one_of(
    st.integers(0, 300), st.sampled_from([LEAST - 9, LEAST - 8, LEAST - 7, 2 * LEAST - 8, 200_000])
)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 30), st.binary(min_size=1, max_size=8), st.data())
def test_any_payload_comes_out_for_each_recipient(
    size: int, count: int, fill: bytes, data: st.DataObject
) -> None:
    payload = (fill * (size // len(fill) + 1))[:size]
    sent = Sealed.from_bytes(sealed(payload, sites()[:count]).to_bytes())
    names = data.draw(st.sets(st.sampled_from(NAMES[:count]), max_size=4))
    letters = sent.letters(sites()[:count])
    for name in names | {NAMES[0], NAMES[count - 1]}:
        assert read(letters(name).to_bytes(), name) == payload


def test_a_thousand_recipients() -> None:
    many = [member(f"h{number}") for number in range(1000)]
    sent = Sealed.from_bytes(sealed(ROWS, many).to_bytes())
    letters = sent.letters(many)
    for name in ("h0", "h1", "h511", "h512", "h998", "h999"):
        assert read(letters(name).to_bytes(), name) == ROWS


def test_the_opened_core_says_where_the_envelope_belongs() -> None:
    core = opened(letter(), "s2").core
    assert (core.place, core.sender, core.count, core.created) == (PLACE, "a", 5, NOW)


# any envelope byte flipped, cut, appended


def test_any_byte_of_a_letter_flipped_before_its_content() -> None:
    good = letter()
    for at in range(len(good) - LEAST - TAG_BYTES):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        with pytest.raises(BadEnvelope):
            read(bytes(bad))


def test_any_byte_of_an_envelope_flipped_before_its_content() -> None:
    good = envelope()
    for at in range(len(good) - LEAST - TAG_BYTES):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        with pytest.raises(BadEnvelope):
            delivered(bytes(bad))


@settings(deadline=None)
@given(st.data())
def test_any_bit_of_the_content_flipped(data: st.DataObject) -> None:
    for good, way in ((letter(), read), (envelope(), delivered)):
        bad = bytearray(good)
        bad[-1 - data.draw(st.integers(0, LEAST + TAG_BYTES - 1))] ^= 1 << data.draw(
            st.integers(0, 7)
        )
        with pytest.raises(BadEnvelope):
            way(bytes(bad))


@settings(deadline=None)
@given(st.data())
def test_anything_cut_or_appended(data: st.DataObject) -> None:
    for good, way in ((letter(), read), (envelope(), delivered)):
        at = data.draw(st.one_of(st.integers(0, 6000), st.integers(0, len(good) - 1)))
        more = data.draw(st.binary(min_size=1, max_size=40))
        for bad in (
            good[:at],
            good[at + 1 :],
            good + more,
            more + good,
            good[:at] + more + good[at:],
        ):
            with pytest.raises(BadEnvelope):
                way(bad)


@settings(deadline=None)
@given(st.binary(max_size=4000), st.sampled_from([b"", b"GRL\x01", b"GRE\x01", b"GRS\x01"]))
def test_any_other_bytes(data: bytes, magic: bytes) -> None:
    for way in (read, delivered):
        with pytest.raises(BadEnvelope):
            way(magic + data)


@pytest.mark.parametrize("length", [4097, 2**31, 2**32 - 1])
def test_a_declared_length_that_lies_is_refused_before_anything_is_allocated(length: int) -> None:
    with pytest.raises(BadEnvelope, match="out of bounds"):
        read(letter()[:4] + length.to_bytes(4, "big") + letter()[8:])
    start = 8 + int.from_bytes(envelope()[4:8], "big")
    with pytest.raises(BadEnvelope, match=r"out of bounds|cut short"):
        delivered(envelope()[:start] + length.to_bytes(4, "big") + envelope()[start + 4 :])


# wrong recipient; header of one envelope on another; wrapped key swapped


def parts(data: bytes) -> Letter:
    return Letter.from_bytes(data)


def changed(**fields: object) -> bytes:
    return Letter(**{**vars(parts(letter())), **fields}).to_bytes()


def test_wrong_recipient() -> None:
    for name in ("s0", "s1", "s3", "s29", "a"):
        with pytest.raises(BadEnvelope):
            read(letter(), name)


def test_a_recipient_of_that_name_with_other_keys_cannot_open() -> None:
    impostor = member("s2", keys=throw_away("impostor"))
    sent = parts(letter())
    for own in ([throw_away("impostor")], [throw_away("s2"), throw_away("impostor")]):
        with pytest.raises(BadEnvelope, match="not sealed for this site"):
            open_letter(sent, sender=member("a"), recipient=impostor, own=own, place=PLACE, now=NOW)


def test_a_site_without_the_keys_that_the_roster_names_cannot_open() -> None:
    with pytest.raises(BadEnvelope, match="no longer has"):
        open_letter(
            parts(letter()),
            sender=member("a"),
            recipient=member("s2"),
            own=[throw_away("s1")],
            place=PLACE,
            now=NOW,
        )


def test_a_site_opens_with_whichever_of_its_keys_the_roster_names() -> None:
    found = open_letter(
        parts(letter()),
        sender=member("a"),
        recipient=member("s2"),
        own=[throw_away("older"), throw_away("s2")],
        place=PLACE,
        now=NOW,
    )
    assert found.payload == ROWS


def test_header_of_one_envelope_on_another() -> None:
    other = sealed(ROWS, sites()[:5]).letters(sites()[:5])("s2")
    for fields in (
        {"core": other.core},
        {"core": other.core, "signature": other.signature},
        {"text": other.text},
        {"signature": other.signature},
        {"wrapped": other.wrapped},
        {"wrapped": other.wrapped, "beside": other.beside, "signature": other.signature},
        {"beside": other.beside},
    ):
        with pytest.raises(BadEnvelope):
            read(changed(**fields))


def test_wrapped_key_swapped() -> None:
    letters = Sealed.from_bytes(envelope()).letters(sites()[:3])
    first, second = letters("s0"), letters("s1")
    swapped = Letter(**{**vars(second), "wrapped": first.wrapped})
    with pytest.raises(BadEnvelope):
        opened(swapped, "s1")
    keys = slice_of_wrapped()
    one, two, three = (envelope()[at : at + WRAPPED_BYTES] for at in keys)
    bad = envelope()[: keys[0]] + two + one + three + envelope()[keys[2] + WRAPPED_BYTES :]
    with pytest.raises(BadEnvelope):
        delivered(bad)


def test_two_contents_under_one_envelope() -> None:
    """A sender cannot give one reader another key, however well it signs."""
    forger = Forger.of(letter())
    other = wrap(bytes(range(32)), forger.head, member("s2"))
    with pytest.raises(BadEnvelope, match="commits to"):
        read(replace(forger, wrapped={2: other}).letter())


def slice_of_wrapped() -> list[int]:
    start = 8 + int.from_bytes(envelope()[4:8], "big") + 4
    return [start + number * WRAPPED_BYTES for number in range(3)]


def test_another_place_among_the_recipients() -> None:
    for index in (0, 1, 3, 4, 5, 6, 9999):
        with pytest.raises(BadEnvelope):
            read(changed(index=index))


def test_a_letter_is_no_envelope_and_an_envelope_no_letter() -> None:
    for way, data in ((delivered, letter()), (read, envelope())):
        with pytest.raises(BadEnvelope, match="not an envelope"):
            way(data)
    with pytest.raises(BadEnvelope):
        delivered(b"GRE" + letter()[3:])
    with pytest.raises(BadEnvelope):
        read(b"GRL" + envelope()[3:])
    with pytest.raises(GrandRoundsError):
        Signed.from_bytes(letter())


# who says it


def test_a_signs_as_b() -> None:
    sent = sealed(ROWS, [member("s2")], sender="b", keys=throw_away("a"))
    for sender in ("a", "b"):
        with pytest.raises((BadEnvelope, UnknownSite)):
            opened(sent.letters([member("s2")])("s2"), "s2", sender=member(sender))


def test_an_envelope_shown_as_another_senders() -> None:
    with pytest.raises(BadEnvelope):
        opened(letter(), "s2", sender=member("b"))
    # even one who shares the sender's key, were the roster to allow it
    with pytest.raises(UnknownSite):
        opened(letter(), "s2", sender=member("b", keys=throw_away("a")))


def test_valid_signature_by_an_unenrolled_key() -> None:
    sent = sealed(ROWS, [member("s2")], sender="mallory").letters([member("s2")])("s2")
    with pytest.raises(UnknownSite):
        roster(member("a"), member("s2")).member("mallory", "site")
    with pytest.raises(BadEnvelope):
        opened(sent, "s2", sender=member("a"))


def test_coordinator_substitutes_a_key_and_seals_for_itself() -> None:
    """It cannot: the sender seals by its roster, and a changed list is not what was signed."""
    puppet = member("s1", keys=throw_away("hub"))
    with pytest.raises(BadEnvelope, match="sealed for others"):
        Sealed.from_bytes(envelope()).letters([sites()[0], puppet, sites()[2]])


@pytest.mark.parametrize(
    "listed",
    [[0, 1], [0, 1, 2, 3], [1, 0, 2], [0, 1, 3], [0, 1, 1], []],
)
def test_another_list_of_recipients_is_refused(listed: list[int]) -> None:
    with pytest.raises(BadEnvelope, match="sealed for others"):
        Sealed.from_bytes(envelope()).letters([sites()[number] for number in listed])


def test_a_recipient_named_twice_is_refused() -> None:
    twice = [sites()[0], sites()[1], sites()[0]]
    with pytest.raises(BadEnvelope, match="twice"):
        sealed(ROWS, twice).letters(twice)


# when and where


@pytest.mark.parametrize(
    "other",
    [{"run": "run-2"}, {"round": 2}, {"attempt": 2}, {"kind": "candidate"}],
)
def test_the_same_envelope_in_another_run_round_attempt_or_phase(other: dict[str, object]) -> None:
    with pytest.raises(Stale, match="another run, round or phase"):
        opened(letter(), "s2", place=PLACE.model_copy(update=other))


def test_an_envelope_under_another_roster() -> None:
    with pytest.raises(UnknownSite, match="another roster"):
        opened(letter(), "s2", place=PLACE.model_copy(update={"roster": "00" * 32}))


def test_expired() -> None:
    assert read(letter())
    assert opened(letter(), "s2", now=NOW + HOUR + SKEW).payload == ROWS
    with pytest.raises(Stale, match="expired"):
        opened(letter(), "s2", now=NOW + HOUR + SKEW + 1)


def test_clock_skew_names_both_times() -> None:
    assert opened(letter(), "s2", now=NOW - SKEW).payload == ROWS
    with pytest.raises(ClockSkew) as caught:
        opened(letter(), "s2", now=NOW - SKEW - 1)
    assert spell(NOW) in str(caught.value)
    assert spell(NOW - SKEW - 1) in str(caught.value)


# what an envelope tells whoever carries it


def test_nothing_of_the_payload_shows() -> None:
    for data in (letter(), envelope()):
        assert ROWS not in data
        assert ROWS[:7] not in data


def test_lengths_tell_no_counts() -> None:
    lengths = {len(sealed(bytes(size)).to_bytes()) for size in (0, 1, 1000, LEAST - LENGTH_BYTES)}
    assert len(lengths) == 1
    assert len(sealed(bytes(LEAST - LENGTH_BYTES + 1)).text) == 2 * LEAST + TAG_BYTES


@settings(deadline=None)
@given(st.integers(0, MAX_PAYLOAD))
def test_a_payload_is_padded_to_the_next_power_of_two(size: int) -> None:
    padded = padded_size(size)
    assert padded & (padded - 1) == 0
    assert padded >= size + LENGTH_BYTES
    assert padded == LEAST or padded < 2 * (size + LENGTH_BYTES)


def test_more_padding_than_the_length_asks_for_is_refused() -> None:
    """A sender could else say something by its choice of size."""
    forger = Forger.of(letter())
    twice = replace(forger.but(size=2 * LEAST), plain=forger.plain + bytes(LEAST), names=NAMES[:5])
    with pytest.raises(BadEnvelope, match="padding"):
        read(twice.letter())


def test_a_length_that_lies_about_zeros_is_refused() -> None:
    """Nothing but zeros: told from an empty payload by the length alone."""
    forger = Forger.of(letter())
    for length in (LEAST - LENGTH_BYTES + 1, MAX_PAYLOAD + 1, 2**64 - 1):
        plain = length.to_bytes(LENGTH_BYTES, "big") + bytes(LEAST - LENGTH_BYTES)
        with pytest.raises(BadEnvelope, match="padding"):
            read(replace(forger, plain=plain, names=NAMES[:5]).letter())


def test_the_same_payload_twice_gives_nothing_alike() -> None:
    one, two = sealed(ROWS), sealed(ROWS)
    assert one.header.serial != two.header.serial
    assert one.header.commitment != two.header.commitment
    assert one.wrapped != two.wrapped
    assert bytes(one.text)[:LEAST] != bytes(two.text)[:LEAST]


def test_an_envelope_for_nobody_or_too_many_is_not_made() -> None:
    for recipients in ([], [member("b")] * 10_001):
        with pytest.raises(BadInput):
            seal(
                ROWS,
                PLACE,
                sender="a",
                keys=throw_away("a"),
                recipients=recipients,
                created=NOW,
                expires=NOW + HOUR,
                ledger=LEDGER,
            )
