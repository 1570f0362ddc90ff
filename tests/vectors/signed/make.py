"""Write the hostile messages: `python -m tests.vectors.signed.make`.

Each is told as changes to `instruction.bin`, from `hub` to `a`, and `manifest.json` says which
error it must produce.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from grandrounds_protocol.signed import Signed, SignedHead, sign_message
from tests.protocol.members import NOW, throw_away
from tests.vectors.patches import difference, write

FOLDER = Path(__file__).parent
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point of Ed25519."""
ROSTER = "ab" * 32
BODY = bytes(range(64))
HEAD = SignedHead(
    purpose="instruction", roster=ROSTER, signer="hub", to="a", created=NOW, expires=NOW + 3600
)

Attack = tuple[str, bytes, str, str]


def main() -> None:
    """Write the good message, every hostile one and the manifest."""
    good = sign_message(BODY, HEAD, throw_away("hub"))
    (FOLDER / "instruction.bin").write_bytes(good)
    about = {
        "note": "throw-away keys, worth nothing: anybody may have them",
        "keys": {"hub": throw_away("hub").to_secret()},
        "roster": ROSTER,
        "now": NOW,
    }
    write(FOLDER / "about.json", about)
    manifest = {}
    for name, made, error, says in (*unsigned(good), *heads(), *elsewhere()):
        write(FOLDER / "hostile" / f"{name}.json", {"pieces": difference(good, made)})
        assert name not in manifest, name
        manifest[name] = {"error": error, "says": says}
    write(FOLDER / "manifest.json", manifest)


def unsigned(good: bytes) -> Iterator[Attack]:
    """Yield messages that somebody on the way changed."""
    taken = Signed.from_bytes(good)
    head, at = len(taken.head_bytes), 8 + len(taken.head_bytes)
    scalar = int.from_bytes(taken.signature[32:], "little") + ORDER
    again = taken.signature[:32] + scalar.to_bytes(32, "little")
    for name, made in (
        ("nothing", b""),
        ("magic-only", good[:4]),
        ("magic-of-a-letter", b"GRL\x01" + good[4:]),
        ("magic-of-an-open-message", b"GRM\x01" + good[4:]),
        ("magic-of-version-2", b"GRS\x02" + good[4:]),
        ("head-length-zero", good[:4] + bytes(4) + good[8:]),
        ("head-length-one-less", good[:4] + (head - 1).to_bytes(4, "big") + good[8:]),
        ("head-length-one-more", good[:4] + (head + 1).to_bytes(4, "big") + good[8:]),
        ("head-length-huge", good[:4] + b"\xff" * 4 + good[8:]),
        ("head-of-5000", good[:4] + (5000).to_bytes(4, "big") + bytes(6000)),
        ("cut-in-head", good[:100]),
        ("cut-in-signature", good[: at + 63]),
        ("blank-in-front", b" " + good),
    ):
        yield name, made, "BadMessage", ""
    for name, made in (
        ("cut-before-body", good[: at + 64]),
        ("cut-by-one", good[:-1]),
        ("appended", good + b"\x00"),
        ("body-first-bit", good[: at + 64] + b"\x01" + good[at + 65 :]),
        ("signature-zero", good[:at] + bytes(64) + good[at + 64 :]),
        ("signature-plus-order", good[:at] + again + good[at + 64 :]),
        ("to-changed", good.replace(b'"to":"a"', b'"to":"b"')),
        ("signer-changed", good.replace(b'"signer":"hub"', b'"signer":"hut"')),
        ("expires-changed", good.replace(b'"expires":1800003600', b'"expires":1900003600')),
        ("roster-changed", good.replace(b'"roster":"ab', b'"roster":"bb')),
    ):
        yield name, made, "BadSignature", ""


def heads() -> Iterator[Attack]:
    """Yield heads that are not well-formed, and signed all the same."""
    text = json.dumps(HEAD.model_dump(), sort_keys=True, separators=(",", ":")).encode()
    for name, old, new in (
        ("key-twice", b'"to":"a"', b'"to":"b","to":"a"'),
        ("escaped-name", b'"to":"a"', b'"to":"\\u0061"'),
        ("name-is-a-path", b'"to":"a"', b'"to":"../a"'),
        ("name-look-alike", b'"to":"a"', b'"to":"\\u0430"'),
        ("blank", b'"to":"a"', b'"to": "a"'),
        ("not-utf-8", b'"to":"a"', b'"to":"\xff"'),
        ("version-2", b'"version":1', b'"version":2'),
        ("version-true", b'"version":1', b'"version":true'),
        ("field-missing", b'"ledger":null,', b""),
        ("field-unknown", b'"ledger":null,', b'"ledger":null,"more":1,'),
        ("purpose-unknown", b'"instruction"', b'"order"'),
        ("purpose-of-envelopes", b'"instruction"', b'"envelope"'),
        ("answers-no-digest", b'"answers":""', b'"answers":"0"'),
        ("time-as-fraction", b'"created":1800000000', b'"created":1.8e9'),
        ("time-no-calendar-has", b'"expires":1800003600', b'"expires":1099511627775'),
        ("ledger-of-one-field", b'"ledger":null', b'"ledger":{"entries":-1}'),
    ):
        assert text.count(old) == 1, name
        yield f"head-{name}", by("hub", text.replace(old, new)), "BadMessage", "well-formed"
    yield "head-nested-deep", by("hub", b"[" * 4000), "BadMessage", "well-formed"


def elsewhere() -> Iterator[Attack]:
    """Yield well-formed messages that are not for this site to believe."""

    def with_(by: str = "hub", **fields: object) -> bytes:
        return sign_message(BODY, HEAD.model_copy(update=fields), throw_away(by))

    text = json.dumps(HEAD.model_dump(), sort_keys=True, separators=(",", ":")).encode()
    yield "injected-by-a-site", with_("b"), "BadSignature", ""
    yield "injected-by-a-stranger", with_("mallory"), "BadSignature", ""
    yield "injected-by-its-recipient", with_("a"), "BadSignature", ""
    yield "signed-as-envelope", by("hub", text, "envelope"), "BadSignature", ""
    yield "signed-as-reply", by("hub", text, "reply"), "BadSignature", ""
    yield "signed-without-purpose", by("hub", text, ""), "BadSignature", ""
    yield "a-reply", with_(purpose="reply"), "BadMessage", "expected instruction"
    yield "a-hello", with_(purpose="hello"), "BadMessage", "expected instruction"
    yield "to-another-site", with_(to="b"), "UnknownSite", ""
    yield "under-another-roster", with_(roster="00" * 32), "UnknownSite", ""
    yield "in-the-name-of-another", with_(signer="b"), "UnknownSite", ""
    yield "expired", with_(created=NOW - 9000, expires=NOW - 3600), "Stale", "expired"
    yield "made-tomorrow", with_(created=NOW + 86_400, expires=NOW + 90_000), "ClockSkew", "NTP"
    yield "last-time-there-is", with_(created=(1 << 37) - 1), "ClockSkew", "6325"


def by(signer: str, head: bytes, label: str = "instruction") -> bytes:
    """Sign whatever it is."""
    under = hashlib.sha256(head).digest() + hashlib.sha256(BODY).digest()
    signature = throw_away(signer).sign(label, under)
    return b"".join((b"GRS\x01", len(head).to_bytes(4, "big"), head, signature, BODY))


if __name__ == "__main__":
    main()
