"""The roster: only the authority enrols, and no file stands for two lists of members."""

import contextlib
import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.errors import BadRoster, UnknownSite
from grandrounds_protocol.keys import PublicKeys
from grandrounds_protocol.roster import MAX_BYTES, Member, Roster, read_roster, sign_roster

from .members import NOW, member, roster, throw_away

AUTHORITY = throw_away("authority")
PINNED = AUTHORITY.public.fingerprint


@cache
def file() -> bytes:
    return sign_roster(roster(member("a"), member("b"), member("hub", "coordinator")), AUTHORITY)


def test_what_the_authority_signs_is_read() -> None:
    read, keys = read_roster(file(), PINNED)
    assert read.sites == ("a", "b")
    assert read.coordinator.name == "hub"
    assert keys == AUTHORITY.public


def test_a_file_tells_the_authority_for_people_to_compare() -> None:
    assert read_roster(file(), None)[1].fingerprint == PINNED


def test_the_file_is_json_that_people_can_read() -> None:
    assert [each["name"] for each in json.loads(file())["roster"]["members"]] == ["a", "b", "hub"]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdefghijk"), unique=True), st.integers(1, 10**9))
def test_any_roster_comes_back(names: list[str], version: int) -> None:
    made = roster(*map(member, names), version=version, federation='"},\u00e9{')
    assert read_roster(sign_roster(made, AUTHORITY), PINNED)[0] == made


def test_every_byte_of_a_roster_counts() -> None:
    good = file()
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << at % 7
        with pytest.raises(BadRoster):
            read_roster(bytes(bad), PINNED)


def test_without_a_pin_every_byte_shows_in_the_fingerprint_or_breaks_the_file() -> None:
    good = file()
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 1
        with contextlib.suppress(BadRoster):
            assert read_roster(bytes(bad), None)[1].fingerprint != PINNED


@settings(deadline=None)
@given(st.data())
def test_a_roster_cut_or_appended_to_is_refused(data: st.DataObject) -> None:
    good = file()
    at = data.draw(st.integers(0, len(good) - 1))
    more = data.draw(st.binary(min_size=1, max_size=300))
    for bad in (good[:at], good[at + 1 :], good + more, more + good, good[:at] + more + good[at:]):
        with pytest.raises(BadRoster):
            read_roster(bad, PINNED)


@settings(deadline=None)
@given(st.binary(max_size=5000))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadRoster):
        read_roster(data, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper(),
        lambda text: text.replace("a", " ", 1),
        lambda text: " " + text[1:],
        lambda text: text[:-2] + "\n\n",
    ],
)
def test_a_signature_has_one_spelling(change: object) -> None:
    assert callable(change)
    good = file()
    text = good[-130:-2].decode()
    with pytest.raises(BadRoster):
        read_roster(good[:-130] + change(text).encode() + good[-2:], PINNED)


def test_a_puppet_site_cannot_be_enrolled_without_the_authority_key() -> None:
    read, _ = read_roster(file(), PINNED)
    more = read.model_copy(update={"version": 2, "members": (*read.members, member("puppet"))})
    by_coordinator = sign_roster(more, throw_away("hub"))
    with pytest.raises(BadRoster, match="another authority"):
        read_roster(by_coordinator, PINNED)
    # the authority's keys in front, somebody else's signature behind
    keys = to_canonical(AUTHORITY.public)
    pretended = by_coordinator.replace(to_canonical(throw_away("hub").public), keys, 1)
    with pytest.raises(BadRoster, match="not signed"):
        read_roster(pretended, PINNED)


def test_a_substituted_key_breaks_the_signature() -> None:
    mallory = throw_away("mallory").public
    for old, new in (
        (member("b").keys.sign, mallory.sign),
        (member("b").keys.receive, mallory.receive),
    ):
        with pytest.raises(BadRoster, match="not signed"):
            read_roster(file().replace(old.encode(), new.encode()), PINNED)


def test_a_signature_over_something_else_is_none_over_a_roster() -> None:
    text = to_canonical(read_roster(file(), PINNED)[0])
    for label in ("envelope", "reply", "instruction", "hello"):
        signature = AUTHORITY.sign(label, text).hex().encode()
        with pytest.raises(BadRoster, match="not signed"):
            read_roster(file()[:-130] + signature + b'"}', PINNED)


def test_a_coordinator_that_is_the_authority_is_refused() -> None:
    # it could enrol sites of its own making
    for role in ("site", "coordinator"):
        listed = Member(name="x", role=role, keys=AUTHORITY.public)
        with pytest.raises(BadRoster, match="a member's, too"):
            read_roster(sign_roster(roster(listed), AUTHORITY), PINNED)


def test_names_that_differ_by_case_only_are_refused() -> None:
    with pytest.raises(ValidationError, match="North and north share a name"):
        roster(member("North"), member("north"))
    with pytest.raises(ValidationError, match="north and north share a name"):
        roster(*[member("north")] * 2)


def test_a_key_enrolled_twice_is_refused() -> None:
    a, b = throw_away("a").public, throw_away("b").public
    for keys, what in (
        (a, "sign"),
        (PublicKeys(sign=a.sign, receive=b.receive), "sign"),
        (PublicKeys(sign=b.sign, receive=a.receive), "receive"),
    ):
        with pytest.raises(ValidationError, match=f"a and c share a key to {what}"):
            roster(member("a"), Member(name="c", role="site", keys=keys))


def test_a_member_whose_keys_were_revoked_is_named() -> None:
    table = roster(member("a"), member("b")).model_dump()
    gone = {"revoked": (throw_away("b").public.fingerprint,)}
    with pytest.raises(ValidationError, match="b has keys that were revoked: it makes new ones"):
        Roster.model_validate({**table, **gone})


def test_two_coordinators_are_refused() -> None:
    with pytest.raises(ValidationError, match="more than one coordinator"):
        roster(member("a", "coordinator"), member("b", "coordinator"))


@pytest.mark.parametrize(
    "name", ["../x", "/etc", "a\x00", "a" * 65, "h\u043espital", "", ".x", "a\n"]
)
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        member("a").model_copy().model_validate({**member("a").model_dump(), "name": name})


def test_a_roster_that_expires_before_it_is_made_is_refused() -> None:
    with pytest.raises(ValidationError, match="expires before"):
        Roster(federation="f", version=1, created=NOW, expires=NOW, members=())


def test_a_wrong_roster_signed_by_the_authority_is_refused_too() -> None:
    text = to_canonical(roster(member("a"), member("b")))
    for bad in (
        text.replace(b'"name":"b"', b'"name":"A"'),
        text.replace(b'"version":1', b'"version":0'),
        text.replace(b'"version":1', b'"version":1.0'),
        text.replace(b'"format":1', b'"format":2'),
        b"{}",
        b"[" * 50_000,
    ):
        signature = AUTHORITY.sign("roster", bad).hex().encode()
        parts = (b'{"authority":', to_canonical(AUTHORITY.public), b',"roster":', bad)
        with pytest.raises(BadRoster, match="well-formed"):
            read_roster(b"".join((*parts, b',"signature":"', signature, b'"}')), PINNED)


def test_who_is_not_enrolled_or_has_another_role_is_unknown() -> None:
    read, _ = read_roster(file(), PINNED)
    assert read.member("a", "site").keys == throw_away("a").public
    for name, role in (("c", "site"), ("A", "site"), ("a", "coordinator"), ("hub", "site")):
        with pytest.raises(UnknownSite):
            read.member(name, role)  # type: ignore[arg-type]
    with pytest.raises(UnknownSite):
        _ = roster(member("a")).coordinator


@pytest.mark.parametrize("fill", [b"{},", b"[],", b'"",', b"0,", b"[["])
def test_a_huge_file_is_not_parsed_before_its_signature_holds(fill: bytes) -> None:
    # parsed, 64 MB of `{},` took more than 11 GB
    good = file()
    at = good.index(b'"members":[') + 11
    with pytest.raises(BadRoster, match=r"not signed|too long"):
        read_roster(good[:at] + fill * 500_000 + good[at:], PINNED)
    with pytest.raises(BadRoster, match="too long"):
        read_roster(bytes(MAX_BYTES + 1), PINNED)


def test_a_huge_file_of_an_unpinned_authority_is_not_parsed_either() -> None:
    """Whoever joins has nothing to compare yet, and a stranger's signature holds."""
    text = b'{"members":[' + b"{}," * 500_000 + b"{}]}"
    signature = AUTHORITY.sign("roster", text).hex().encode()
    parts = (b'{"authority":', to_canonical(AUTHORITY.public), b',"roster":', text)
    with pytest.raises(BadRoster, match="too long"):
        read_roster(b"".join((*parts, b',"signature":"', signature, b'"}')), None)


def test_the_largest_roster_fits() -> None:
    one = len(to_canonical(member("n" * 64, "coordinator"))) + 1
    assert one * 10_000 + 5000 < MAX_BYTES
    full = sign_roster(
        roster(*(member(f"s{i}") for i in range(50)), federation="," * 80), AUTHORITY
    )
    assert full.count(b",") <= 5 * 50 + 100
