"""Write the hostile rosters: `python -m tests.vectors.rosters.make`.

Each is told as changes to `version-3.json`, which a member has accepted, and `manifest.json`
says which error it must produce when it is offered.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import sign_roster
from tests.protocol.members import NOW, member, roster, throw_away
from tests.vectors.patches import difference, write

FOLDER = Path(__file__).parent
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point of Ed25519."""
AUTHORITY = throw_away("authority")
SIGNATURE_AT = -130
"""Where the hex of the signature begins, from the end."""

Edit = Callable[[dict[str, Any]], object]


def main() -> None:
    """Write the accepted roster, every hostile one and the manifest."""
    members = (member("a"), member("b"), member("hub", "coordinator"))
    good = sign_roster(roster(*members, version=3), AUTHORITY)
    (FOLDER / "version-3.json").write_bytes(good)
    write(
        FOLDER / "pinned.json",
        {"authority": AUTHORITY.public.fingerprint, "now": NOW},
    )
    manifest = {}
    for name, made, error, says in (*unsigned(good), *signed(good)):
        write(FOLDER / "hostile" / f"{name}.json", {"pieces": difference(good, made)})
        assert name not in manifest, name
        manifest[name] = {"error": error, "says": says}
    write(FOLDER / "manifest.json", manifest)


def unsigned(good: bytes) -> Iterator[tuple[str, bytes, str, str]]:
    """Yield files that somebody without the authority's key changed."""
    signature = bytes.fromhex(good[SIGNATURE_AT:-2].decode())
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    again = signature[:32] + scalar.to_bytes(32, "little")
    mallory = throw_away("mallory").public
    other = to_canonical(throw_away("hub").public)
    for name, made, says in (
        ("nothing", b"", "well-formed"),
        ("null", b"null", "well-formed"),
        ("cut-by-one", good[:-1], "well-formed"),
        ("cut-in-members", good[:4000], "well-formed"),
        ("newline-behind", good + b"\n", "well-formed"),
        ("blank-in-front", b" " + good, "well-formed"),
        ("byte-order-mark", b"\xef\xbb\xbf" + good, "well-formed"),
        ("signature-upper-case", good[:-130] + good[-130:-2].upper() + b'"}', "well-formed"),
        ("signature-short", good[:-4] + b'"}', "well-formed"),
        ("signature-zero", good[:-130] + b"0" * 128 + b'"}', "not signed"),
        ("signature-plus-order", good[:-130] + again.hex().encode() + b'"}', "not signed"),
        ("member-renamed", good.replace(b'"name":"b"', b'"name":"c"'), "not signed"),
        ("version-raised", good.replace(b'"version":3', b'"version":4'), "not signed"),
        ("role-changed", good.replace(b'"role":"site"', b'"role":"coordinator"', 1), "not signed"),
        ("blank-inside", good.replace(b'"version":3', b'"version": 3'), "not signed"),
        (
            "receiving-key-substituted",
            good.replace(member("b").keys.receive.encode(), mallory.receive.encode()),
            "not signed",
        ),
        (
            "signing-key-substituted",
            good.replace(member("b").keys.sign.encode(), mallory.sign.encode()),
            "not signed",
        ),
        (
            "by-the-coordinator",
            sign_roster(roster(member("puppet"), version=4), throw_away("hub")),
            "another authority",
        ),
        (
            "by-the-coordinator-as-authority",
            sign_roster(roster(member("puppet"), version=4), throw_away("hub")).replace(
                other, to_canonical(AUTHORITY.public), 1
            ),
            "not signed",
        ),
    ):
        yield name, made, "BadRoster", says


def signed(good: bytes) -> Iterator[tuple[str, bytes, str, str]]:
    """Yield files that the authority signed all the same."""
    text = json.loads(good)["roster"]
    low = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    edits: dict[str, tuple[Edit, str, str]] = {
        "version-zero": (lambda r: r.update(version=0), "BadRoster", "well-formed"),
        "version-two": (lambda r: r.update(version=2), "Rollback", "version 2, and version 3"),
        "same-version-other-members": (lambda r: r["members"].pop(), "Rollback", "version 3"),
        "other-federation": (
            lambda r: r.update(federation="g", version=4),
            "Rollback",
            "another federation",
        ),
        "expired": (
            lambda r: r.update(version=4, created=NOW - 90_000, expires=NOW - 3600),
            "Stale",
            "expired",
        ),
        "made-tomorrow": (
            lambda r: r.update(version=4, created=NOW + 86_400, expires=NOW + 90_000),
            "ClockSkew",
            "NTP",
        ),
        "expires-before-made": (lambda r: r.update(expires=NOW - 1), "BadRoster", "well-formed"),
        "time-no-calendar-has": (lambda r: r.update(expires=1 << 40), "BadRoster", "well-formed"),
        "name-twice": (lambda r: r["members"][1].update(name="a"), "BadRoster", "well-formed"),
        "name-twice-by-case": (lambda r: r["members"][1].update(name="A"), "BadRoster", ""),
        "name-is-a-path": (lambda r: r["members"][1].update(name="../b"), "BadRoster", ""),
        "name-look-alike": (lambda r: r["members"][1].update(name="\u0430"), "BadRoster", ""),
        "name-with-nul": (lambda r: r["members"][1].update(name="b\x00"), "BadRoster", ""),
        "name-of-4-kb": (lambda r: r["members"][1].update(name="b" * 4096), "BadRoster", ""),
        "role-unknown": (lambda r: r["members"][1].update(role="admin"), "BadRoster", ""),
        "two-coordinators": (lambda r: r["members"][1].update(role="coordinator"), "BadRoster", ""),
        "keys-twice": (
            lambda r: r["members"][1].update(keys=r["members"][0]["keys"]),
            "BadRoster",
            "",
        ),
        "receiving-key-twice": (
            lambda r: r["members"][1]["keys"].update(receive=r["members"][0]["keys"]["receive"]),
            "BadRoster",
            "",
        ),
        "signing-key-of-small-order": (
            lambda r: r["members"][1]["keys"].update(sign=low),
            "BadRoster",
            "well-formed",
        ),
        "signing-key-short": (
            lambda r: r["members"][1]["keys"].update(sign="AAAA"),
            "BadRoster",
            "",
        ),
        "authority-is-a-member": (
            lambda r: r["members"][1].update(keys=AUTHORITY.public.model_dump()),
            "BadRoster",
            "a member's, too",
        ),
        "field-unknown": (lambda r: r.update(more=1), "BadRoster", "well-formed"),
        "field-missing": (lambda r: r.pop("expires"), "BadRoster", "well-formed"),
        "format-2": (lambda r: r.update(format=2), "BadRoster", "well-formed"),
        "format-true": (lambda r: r.update(format=True), "BadRoster", "well-formed"),
    }
    for name, (edit, error, says) in edits.items():
        changed = json.loads(json.dumps(text))
        edit(changed)
        yield name, by(AUTHORITY, canonical(changed)), error, says
    curve = good.replace(*_receive_with_low_curve(text))
    yield "receiving-key-of-small-order", by(AUTHORITY, _roster(curve)), "BadRoster", "well-formed"
    for name, old, new in (
        ("key-twice", b'"version":3', b'"version":4,"version":4'),
        ("fraction", b'"version":3', b'"version":4.0'),
        ("escaped-name", b'"federation":"f"', b'"federation":"\\u0066"'),
        ("not-utf-8", b'"federation":"f"', b'"federation":"\xff"'),
    ):
        made = by(AUTHORITY, canonical(text).replace(old, new))
        yield f"signed-{name}", made, "BadRoster", "well-formed"
    for label in ("envelope", "reply"):
        made = by(AUTHORITY, canonical({**text, "version": 4}), label)
        yield f"signed-as-{label}", made, "BadRoster", "not signed"


def by(authority: KeyPair, text: bytes, label: str = "roster") -> bytes:
    """Sign whatever it is."""
    signature = authority.sign(label, text).hex().encode()
    keys = to_canonical(authority.public)
    return b"".join(
        (b'{"authority":', keys, b',"roster":', text, b',"signature":"', signature, b'"}')
    )


def canonical(fields: object) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _roster(file: bytes) -> bytes:
    return canonical(json.loads(file)["roster"])


def _receive_with_low_curve(text: dict[str, Any]) -> tuple[bytes, bytes]:
    old = text["members"][1]["keys"]["receive"]
    new = base64.b64encode(base64.b64decode(old)[:-32] + bytes(32)).decode()
    return old.encode(), new.encode()


if __name__ == "__main__":
    main()
