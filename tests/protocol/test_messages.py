"""Messages as bytes: what goes in comes out, and nothing malformed gets in."""

import contextlib
import json
import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grandrounds_protocol.errors import BadMessage, GrandRoundsError, VersionSkew
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import (
    DistillOrder,
    Failure,
    Heading,
    InstructionBody,
    ReplyBody,
    RetrainReport,
)
from grandrounds_protocol.schema import Rules

HEADING = Heading(run="run-1", round=1, phase="distill", site="a")


def instruction(*parcels: Parcel) -> Instruction:
    body = InstructionBody(
        heading=HEADING, sites=("a", "b"), rules=Rules(seed=3), order=DistillOrder()
    )
    return Instruction(body, parcels)


@given(st.lists(st.binary(max_size=50), max_size=4))
def test_what_goes_in_comes_out(payloads: list[bytes]) -> None:
    sent = instruction(*(Parcel("release", "b", ("a",), payload) for payload in payloads))
    assert Instruction.from_bytes(sent.to_bytes()) == sent
    assert Instruction.from_bytes(sent.to_bytes()).to_bytes() == sent.to_bytes()


@given(st.data())
def test_cut_appended_or_flipped_bytes_never_raise_anything_else(data: st.DataObject) -> None:
    sent = instruction(Parcel("release", "b", ("a",), b"payload")).to_bytes()
    at = data.draw(st.integers(0, len(sent) - 1))
    how = data.draw(st.sampled_from(["cut", "append", "flip"]))
    changed = {
        "cut": sent[:at],
        "append": sent + sent[: at + 1],
        "flip": sent[:at]
        + bytes([sent[at] ^ (1 << data.draw(st.integers(0, 7)))])
        + sent[at + 1 :],
    }[how]
    if how == "flip":
        with contextlib.suppress(GrandRoundsError):
            Instruction.from_bytes(changed)
    else:
        with pytest.raises(BadMessage):
            Instruction.from_bytes(changed)


def edited(head: Mapping[str, object]) -> bytes:
    text = json.dumps(head).encode()
    return struct.pack(">4sI", b"GRM\x01", len(text)) + text


def head_of(message: bytes) -> dict[str, dict[str, object]]:
    (length,) = struct.unpack_from(">I", message, 4)
    head: dict[str, dict[str, object]] = json.loads(message[8 : 8 + length])
    return head


def test_another_protocol_version_is_named_on_both_sides() -> None:
    head = head_of(instruction().to_bytes())
    head["body"]["heading"]["version"] = 2  # type: ignore[index]
    with pytest.raises(VersionSkew, match=r"version 1, the other 2"):
        Instruction.from_bytes(edited(head))


def test_a_reply_holds_a_report_or_a_failure() -> None:
    report = RetrainReport(received=1, refused={}, candidate=False)
    both = ReplyBody(
        heading=Heading(run="r", round=1, phase="retrain", site="a"),
        report=report,
        failure=Failure(code="X", reason="y"),
    )
    for body in (both, ReplyBody(heading=HEADING), ReplyBody(heading=HEADING, report=report)):
        with pytest.raises(BadMessage):
            Reply.from_bytes(Reply(body).to_bytes())


def test_a_failure_comes_through() -> None:
    failed = Reply.failed(HEADING, Failure(code="Stale", reason="too late"))
    assert Reply.from_bytes(failed.to_bytes()) == failed
