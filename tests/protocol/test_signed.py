"""Instructions and replies: whoever carries them can neither write nor change one."""

from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import (
    BadMessage,
    BadSignature,
    ClockSkew,
    Stale,
    UnknownSite,
)
from grandrounds_protocol.signed import Purpose, Signed, SignedHead, sign_message
from grandrounds_protocol.times import SKEW, spell

from .members import HOUR, LEDGER, NOW, member, sealed, throw_away

ROSTER = "ab" * 32
BODY = b"what the site is to do"


def head(purpose: Purpose = "instruction", **fields: object) -> SignedHead:
    usual: dict[str, object] = {
        "purpose": purpose,
        "roster": ROSTER,
        "signer": "hub",
        "to": "a",
        "created": NOW,
        "expires": NOW + HOUR,
    }
    return SignedHead.model_validate({**usual, **fields})


@cache
def message() -> bytes:
    return sign_message(BODY, head(), throw_away("hub"))


def believed(
    data: bytes,
    *,
    signer: str = "hub",
    to: str = "a",
    roster: str = ROSTER,
    purpose: Purpose = "instruction",
    now: int = NOW,
) -> Signed:
    taken = Signed.from_bytes(data)
    taken.verify(member(signer), to=to, roster=roster, purpose=purpose, now=now)
    return taken


@given(st.binary(max_size=500), st.booleans())
def test_any_body_comes_out(body: bytes, ledger: bool) -> None:
    asked = head(ledger=LedgerHead(entries=1, digest="00" * 32) if ledger else None)
    taken = believed(sign_message(body, asked, throw_away("hub")))
    assert bytes(taken.body) == body
    assert taken.head == asked


def test_every_byte_of_a_message_counts() -> None:
    good = message()
    for at in range(len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[at] ^= 1 << bit
            with pytest.raises((BadMessage, BadSignature)):
                believed(bytes(bad))


@given(st.data())
def test_a_message_cut_or_appended_to_is_refused(data: st.DataObject) -> None:
    good = message()
    at = data.draw(st.integers(0, len(good) - 1))
    more = data.draw(st.binary(min_size=1, max_size=40))
    for bad in (good[:at], good[at + 1 :], good + more, more + good, good[:at] + more + good[at:]):
        with pytest.raises((BadMessage, BadSignature)):
            believed(bad)


@given(st.binary(max_size=600), st.booleans())
def test_any_other_bytes_are_refused(data: bytes, magic: bool) -> None:
    with pytest.raises(BadMessage):
        Signed.from_bytes(b"GRS\x01" * magic + data)


@pytest.mark.parametrize("length", [4097, 2**31, 2**32 - 1])
def test_a_declared_length_that_lies_is_refused(length: int) -> None:
    with pytest.raises(BadMessage, match="too long"):
        Signed.from_bytes(message()[:4] + length.to_bytes(4, "big") + message()[8:])
    with pytest.raises(BadMessage, match="too long"):
        Signed.from_bytes(message()[:4] + length.to_bytes(4, "big") + bytes(10_000))


def test_forged_reply() -> None:
    """A valid Flower node answers in the name of another."""
    forged = sign_message(BODY, head("reply", signer="a", to="hub"), throw_away("b"))
    with pytest.raises(BadSignature):
        believed(forged, signer="a", to="hub", purpose="reply")


def test_injected_instruction() -> None:
    for name in ("b", "mallory"):
        with pytest.raises(BadSignature):
            believed(sign_message(BODY, head(), throw_away(name)))


def test_a_member_who_signs_in_the_name_of_another() -> None:
    claims = sign_message(BODY, head("reply", signer="a", to="hub"), throw_away("b"))
    with pytest.raises(UnknownSite):
        believed(claims, signer="b", to="hub", purpose="reply")


def test_an_instruction_to_one_site_is_none_to_another() -> None:
    with pytest.raises(UnknownSite, match="for another"):
        believed(message(), to="b")


def test_a_message_under_another_roster() -> None:
    with pytest.raises(UnknownSite):
        believed(message(), roster="00" * 32)


@pytest.mark.parametrize("purpose", ["reply", "hello"])
def test_an_instruction_is_not_taken_for_anything_else(purpose: Purpose) -> None:
    with pytest.raises(BadMessage, match="expected"):
        believed(message(), purpose=purpose)
    relabelled = message().replace(b'"instruction"', f'"{purpose}"'.encode())
    shorter = len(b"instruction") - len(purpose)
    length = int.from_bytes(message()[4:8], "big") - shorter
    with pytest.raises(BadSignature):
        believed(relabelled[:4] + length.to_bytes(4, "big") + relabelled[8:], purpose=purpose)


def test_a_signature_over_an_envelope_is_none_over_a_message() -> None:
    """Both sign digests side by side: only the purpose keeps them apart."""
    asked = Signed.from_bytes(message())
    digests = sha256(asked.head_bytes).digest() + sha256(BODY).digest()
    as_envelope = throw_away("hub").sign("envelope", digests)
    with pytest.raises(BadSignature):
        believed(message()[: -len(BODY) - 64] + as_envelope + BODY)
    with pytest.raises(BadMessage):
        Signed.from_bytes(sealed().to_bytes())


def test_an_old_instruction_is_stale() -> None:
    assert believed(message(), now=NOW + HOUR + SKEW)
    with pytest.raises(Stale):
        believed(message(), now=NOW + HOUR + SKEW + 1)


def test_clock_skew_names_both_times() -> None:
    assert believed(message(), now=NOW - SKEW)
    with pytest.raises(ClockSkew) as caught:
        believed(message(), now=NOW - SKEW - 1)
    assert spell(NOW) in str(caught.value)
    assert spell(NOW - SKEW - 1) in str(caught.value)


def test_a_time_is_refused_only_after_the_signature_holds() -> None:
    """Else anybody could tell a site that its clock is wrong."""
    early = sign_message(BODY, head(created=NOW + 10 * HOUR), throw_away("b"))
    with pytest.raises(BadSignature):
        believed(early)


def test_a_reply_answers_one_question() -> None:
    asked = believed(message())
    answer = head("reply", signer="a", to="hub", answers=asked.digest, ledger=LEDGER)
    reply = believed(
        sign_message(b"done", answer, throw_away("a")), signer="a", to="hub", purpose="reply"
    )
    reply.check_answers(asked.digest)
    with pytest.raises(Stale):
        reply.check_answers(reply.digest)
    none = head("reply", signer="a", to="hub")
    with pytest.raises(Stale):
        Signed.from_bytes(sign_message(b"done", none, throw_away("a"))).check_answers(asked.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":2'),
        (b'"version":1', b'"version":true'),
        (b'"ledger":null,', b""),
        (b'"to":"a"', b'"to":"../a"'),
        (b'"to":"a"', b'"to":"\\u0061"'),
        (b'"to":"a"', b'"to":"b","to":"a"'),
        (b'"purpose":"instruction"', b'"purpose":"roster"'),
        (b'"purpose":"instruction"', b'"purpose":"envelope"'),
        (b'"answers":""', b'"answers":"00"'),
        (b'"created":1800000000', b'"created":1.8e9'),
        (b'"created":1800000000', b'"created":137438953472'),
    ],
)
def test_a_head_that_is_not_well_formed_is_refused_even_signed(old: bytes, new: bytes) -> None:
    text = Signed.from_bytes(message()).head_bytes
    assert text.count(old) == 1
    bad = text.replace(old, new)
    for purpose in ("instruction", "roster", "envelope"):
        under = sha256(bad).digest() + sha256(BODY).digest()
        signature = throw_away("hub").sign(purpose, under)
        with pytest.raises(BadMessage, match="well-formed"):
            believed(b"".join((b"GRS\x01", len(bad).to_bytes(4, "big"), bad, signature, BODY)))


def test_no_body_shows_in_any_refusal() -> None:
    for data, to in ((message()[:-1] + b"x", "a"), (message(), "b")):
        with pytest.raises((BadSignature, UnknownSite)) as caught:
            believed(data, to=to)
        assert "what the site" not in str(caught.value)
