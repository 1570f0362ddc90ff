"""Canonical form: one record, one spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.envelope.core import Core, Place
from grandrounds_protocol.roster import Roster

from .members import PLACE, roster, sealed

TEXT = to_canonical(roster())


@settings(deadline=None)
@given(
    st.builds(
        Place,
        roster=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
        run=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True),
        round=st.integers(1, 2**53 - 1),
        attempt=st.sampled_from([1, 2]),
        kind=st.sampled_from(["release", "instances", "candidate"]),
    )
)
def test_what_goes_in_comes_out(place: Place) -> None:
    assert from_canonical(Place, to_canonical(place)) == place


@settings(deadline=None)
@given(
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=80).filter(
        str.isprintable
    )
)
def test_names_in_any_script_have_one_spelling(name: str) -> None:
    named = roster(federation=name)
    text = to_canonical(named)
    assert text.isascii()
    assert from_canonical(Roster, text) == named
    if not name.isascii():
        raw = text.replace(
            to_canonical(named)[text.index(b'"federation":') + 13 : text.index(b',"format"')],
            f'"{name}"'.encode(),
        )
        with pytest.raises(ValueError, match=r"canonical|well-formed"):
            from_canonical(Roster, raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version":1.0'),
        (b'"version":1', b'"version":1e0'),
        (b'"version":1', b'"version":01'),
        (b'"version":1', b'"version":+1'),
        (b'"version":1', b'"version":"1"'),
        (b'"version":1', b'"version":true'),
        (b'"version":1', b'"version":NaN'),
        (b'"version":1', b'"version":Infinity'),
        (b'"version":1', b'"version":' + b"9" * 100_000),
        (b'"version":1', b'"version":1,"version":1'),
        (b'"version":1', b'"version":2,"version":1'),
        (b'"version":1', b'"version":1,"other":1'),
        (b'"version":1', b'"version": 1'),
        (b'"version":1', b'"\\u0076ersion":1'),
        (b'"format":1', b'"format":true'),
        (b'"format":1,', b""),
        (b'"federation":"f"', b'"federation":"\\u0066"'),
        (b'"federation":"f"', b'"federation":"\\ud800"'),
        (b'"federation":"f"', b'"federation":"\xff"'),
        (b'"federation":"f"', b'"federation":"\\u00E9"'),
        (b'"federation":"f"', b'"federation":"f\\n"'),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(ValueError, match=r"canonical|well-formed"):
        from_canonical(Roster, TEXT.replace(old, new))


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[" * 100_000, b"\xef\xbb\xbf" + TEXT, TEXT + b"\n"]
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"canonical|well-formed"):
        from_canonical(Roster, data)


@settings(deadline=None)
@given(st.data())
def test_no_flipped_bit_leaves_the_same_record(data: st.DataObject) -> None:
    text = bytearray(sealed().core)
    text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        changed = from_canonical(Core, bytes(text))
    except ValueError:
        return
    assert to_canonical(changed) == bytes(text)
    assert changed.place != PLACE or changed != from_canonical(Core, sealed().core)
