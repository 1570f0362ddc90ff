"""Passing over many numbers at once finds what reading them one by one finds."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto

from grandrounds_client.vetting.limits import Limits
from grandrounds_client.vetting.wire import _Scan
from grandrounds_protocol.errors import BadModel

PIECES = st.one_of(
    # ints, floats, name, and what stands in their way: other tags, packed runs, odd bytes
    st.builds(
        lambda value: b"\x40" + value,
        st.sampled_from([b"\x00", b"\x80\x01", b"\xff" * 9 + b"\x01"]),
    ),
    st.builds(lambda value: b"\x3d" + value, st.binary(min_size=4, max_size=4)),
    st.sampled_from(
        [b"\x0a\x01n", b"\x42\x02\x01\x02", b"\xc0\x80\x00\x01", b"\x40", b"\x3d", b"\xff"]
    ),
    st.binary(max_size=3),
)


def scanned(data: bytes, fields: int) -> tuple[int, str]:
    scan = _Scan(data, Limits(fields=fields))
    try:
        scan.walk(AttributeProto.DESCRIPTOR, 0, len(data), "attribute")
    except BadModel as error:
        return -1, error.problem
    return scan.fields, ""


def one_by_one(data: bytes, fields: int) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Scan, "run", lambda _self, _tag, at, _end, _path: at)
        return scanned(data, fields)


@given(st.lists(PIECES, max_size=30).map(b"".join), st.integers(1, 40))
def test_any_bytes_are_counted_or_refused_as_one_by_one(data: bytes, fields: int) -> None:
    assert scanned(data, fields) == one_by_one(data, fields)


@pytest.mark.parametrize("number", [b"\x40\x07", b"\x40\xff\x07", b"\x3d\x00\x00\x80\x3f"])
def test_a_long_run_is_counted_to_the_last_number(number: bytes) -> None:
    run = number * 10_000
    assert scanned(run, 10_000) == (10_000, "")
    assert "more than 9999" in scanned(run, 9_999)[1]
    assert scanned(run[:-1], 10_000)[0] == -1


def test_a_run_is_passed_over_without_reading_each(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    one: Callable[..., tuple[int, int]] = _Scan.varint

    def varint(self: _Scan, at: int, end: int, path: str) -> tuple[int, int]:
        read.append(at)
        return one(self, at, end, path)

    monkeypatch.setattr(_Scan, "varint", varint)
    scanned(b"\x40\x07" * 100_000, 200_000)
    assert len(read) < 100
