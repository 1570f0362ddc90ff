"""Messages whose heading says what it must not, or is written so that two readers differ."""

import json
import struct
from collections.abc import Callable
from typing import Any

from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import AdoptOrder, Heading, InstructionBody, Score
from grandrounds_protocol.schema import Rules

Head = dict[str, Any]


def sound() -> bytes:
    """Return an instruction with a parcel that nothing is wrong with."""
    body = InstructionBody(
        heading=Heading(run="run-1", round=1, phase="adopt", site="a"),
        sites=("a", "b"),
        rules=Rules(seed=3),
        order=AdoptOrder(scores={"b": Score(current=0.5, candidate=0.25)}),
    )
    return Instruction(body, (Parcel("release", "b", ("a",), b"payload"),)).to_bytes()


def packed(text: bytes, tail: bytes = b"payload") -> bytes:
    """Return a message of any heading."""
    return struct.pack(">4sI", b"GRM\x01", len(text)) + text + tail


def written(head: Head) -> bytes:
    """Return a heading as the protocol writes it."""
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _text() -> bytes:
    (length,) = struct.unpack_from(">I", sound(), 4)
    return sound()[8 : 8 + length]


def _edited(change: Callable[[Head], object]) -> bytes:
    head: Head = json.loads(_text())
    change(head)
    return packed(written(head))


def _heading(field: str, content: object) -> bytes:
    return _edited(lambda head: head["body"]["heading"].update({field: content}))


def _parcel(field: str, content: object) -> bytes:
    return _edited(lambda head: head["parcels"][0].update({field: content}))


def _swapped(old: bytes, new: bytes) -> bytes:
    assert old in _text()
    return packed(_text().replace(old, new, 1))


NAMES = {
    "parent-folder": "../x",
    "absolute-path": "/etc/passwd",
    "drive": "C:\\x",
    "nul": "a\x00",
    "line-feed": "a\n",
    "look-alike": "h\u043espital",
    "full-width": "\uff41",
    "right-to-left": "a\u202e",
    "4-kilobytes": "a" * 4096,
    "empty": "",
    "hidden": ".x",
    "option": "-rf",
}
"""What a site's name must not be."""


def names() -> dict[str, tuple[bytes, str]]:
    """Return each bad name in the heading."""
    return {
        f"name-{kind}": (_heading("site", name), "heading.site") for kind, name in NAMES.items()
    }


def messages() -> dict[str, tuple[bytes, str]]:
    whole = sound()
    deep = b'{"body":' + b"[" * 50_000 + b"]" * 50_000 + b',"parcels":[]}'
    return {
        "empty": (b"", "message"),
        "other-magic": (b"GRM\x02" + whole[4:], "first 4 bytes"),
        "cut-heading": (whole[:100], "length of the heading"),
        "cut-payload": (whole[:-1], "parcels"),
        "appended": (whole + b"\x00", "parcels"),
        "two-messages": (whole + whole, "parcels"),
        "heading-of-4-gigabytes": (whole[:4] + b"\xff" * 4 + whole[8:], "length of the heading"),
        "heading-not-json": (packed(b"\x80\x04N."), "heading"),
        "heading-not-utf8": (_swapped(b"run-1", b"run-\xff"), "heading"),
        "heading-a-list": (packed(b"[]"), "heading"),
        "deep": (packed(deep), "heading"),
        "key-twice": (_swapped(b'"round":1', b'"round":1,"round":1'), "heading"),
        "key-twice-otherwise": (_swapped(b'"round":1', b'"round":2,"round":1'), "heading"),
        "key-twice-escaped": (_swapped(b'"round":1', b'"round":1,"roun\\u0064":1'), "heading"),
        "rules-twice": (_swapped(b'"seed":3', b'"seed":3,"seed":3'), "heading"),
        "blanks": (_swapped(b'"round":1', b'"round": 1'), "heading"),
        "number-as-text": (_swapped(b'"round":1', b'"round":"1"'), "heading"),
        "number-as-float": (_swapped(b'"round":1', b'"round":1.0'), "heading"),
        "nan": (_swapped(b"0.25", b"NaN"), "scores.b.candidate"),
        "infinite": (_swapped(b"0.25", b"1e999"), "scores.b.candidate"),
        "score-above-one": (_swapped(b"0.25", b"1.25"), "scores.b.candidate"),
        "integer-of-5000-digits": (_swapped(b'"round":1', b'"round":' + b"9" * 5000), "heading"),
        "round-zero": (_heading("round", 0), "heading.round"),
        "round-negative": (_heading("round", -1), "heading.round"),
        "attempt-three": (_heading("attempt", 3), "heading.attempt"),
        "phase-unknown": (_heading("phase", "rest"), "heading.phase"),
        "run-is-a-path": (_heading("run", "../../run"), "heading.run"),
        "version-as-text": (_heading("version", "1"), "heading"),
        "order-of-other-phase": (
            _edited(lambda head: head["body"].update(order={"phase": "review"})),
            "order.phase",
        ),
        "order-unknown": (
            _edited(lambda head: head["body"].update(order={"phase": "shell"})),
            "order",
        ),
        "no-sites": (_edited(lambda head: head["body"].update(sites=[])), "sites"),
        "unknown-field": (_edited(lambda head: head["body"].update(x=1)), "field body.x"),
        "unknown-field-nasty": (
            _edited(lambda head: head["body"].update({"\x1b[2J" + "n" * 5000: 1})),
            r"\x1b",
        ),
        "unknown-rule": (
            _edited(lambda head: head["body"]["rules"].update(command="x")),
            "rules.command",
        ),
        "quota-negative": (
            _edited(lambda head: head["body"]["rules"].update(quota=-1)),
            "rules.quota",
        ),
        "smallest-cell-zero": (
            _edited(lambda head: head["body"]["rules"].update(min_rows=0)),
            "rules.min_rows",
        ),
        "parcel-of-unknown-kind": (_parcel("kind", "pickle"), "parcels.0.kind"),
        "parcel-sender-is-a-path": (_parcel("sender", "../b"), "parcels.0.sender"),
        "parcel-for-nobody": (_parcel("recipients", []), "parcels.0.recipients"),
        "parcel-too-long": (_parcel("length", 8), "parcels"),
        "parcel-too-short": (_parcel("length", 6), "parcels"),
        "parcel-negative": (_parcel("length", -7), "parcels.0.length"),
        "parcel-of-2-62": (_parcel("length", 2**62), "parcels"),
        "parcel-of-2-64": (_parcel("length", 2**64 + 7), "parcels"),
        "parcel-with-path": (_parcel("path", "/tmp/x"), "parcels.0.path"),  # noqa: S108 (no file)
        "parcels-overlap": (
            _edited(
                lambda head: head.update(
                    parcels=[
                        head["parcels"][0] | {"length": 10},
                        head["parcels"][0] | {"length": -3},
                    ]
                )
            ),
            "parcels.1.length",
        ),
    } | names()


def large_messages() -> dict[str, tuple[bytes, str]]:
    """Return what is too large to store."""
    entry = {"kind": "release", "sender": "b", "recipients": ["a"], "length": 0}
    head = json.loads(_text()) | {"parcels": [entry] * 20_000}
    wrong = json.loads(_text()) | {"parcels": [entry | {"length": -1}] * 9_000}
    lists = b'{"body":{"x":[' + b"[]," * 5_000_000 + b'[]]},"parcels":[]}'
    numbers = b'{"body":{"x":[' + b"1," * 8_000_000 + b'1]},"parcels":[]}'
    scored, unknown, named = json.loads(_text()), json.loads(_text()), json.loads(_text())
    scored["body"]["order"]["scores"] = {str(at): 1 for at in range(400_000)}
    unknown["body"] |= {f"k{at}": 1 for at in range(400_000)}
    named["parcels"][0]["recipients"] = [""] * 400_000
    return {
        "heading-of-17-megabytes": (packed(b" " * (17 << 20)), "length of the heading"),
        "20000-parcels": (packed(written(head), b""), "parcels"),
        "9000-wrong-parcels": (packed(written(wrong), b""), "parcels.0.length"),
        "five-million-lists": (packed(lists, b""), "lists and objects"),
        "400000-wrong-scores": (packed(written(scored), b""), "more than 1000 of them"),
        "400000-unknown-fields": (packed(written(unknown), b""), "more than 1000 of them"),
        "400000-wrong-names": (packed(written(named), b""), "parcels.0.recipients.0"),
        "million-objects": (
            packed(b'{"":' * 10**6 + b"1" + b"}" * 10**6, b""),
            "lists and objects",
        ),
        "eight-million-numbers": (packed(numbers, b""), "lists and objects"),
    }
