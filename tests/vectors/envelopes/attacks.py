"""What is wrong with each hostile letter or envelope."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from grandrounds_protocol.envelope import Letter, Sealed
from grandrounds_protocol.envelope.content import commitment
from grandrounds_protocol.envelope.wrap import WRAPPED_BYTES, wrap
from tests.protocol.members import NOW, member
from tests.vectors.envelopes.forging import Forger, canonical

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point of Ed25519."""
OTHER_KEY = bytes(range(32))


@dataclass(frozen=True)
class Attack:
    """One fault.

    Attributes
    ----------
    opening : dict
        Where it is opened otherwise than its base is: sender, recipient, place, now.
    """

    name: str
    made: bytes
    says: str
    error: str = "BadEnvelope"
    base: str = "five.bin"
    opening: dict[str, object] = field(default_factory=dict)


def attacks(letter: bytes, envelope: bytes) -> Iterator[Attack]:
    """Yield them all, made of a good letter to `s2` and a good envelope for three."""
    yield from _bytes(letter)
    yield from _parts(Letter.from_bytes(letter))
    yield from _cores(Forger.of(letter))
    yield from _contents(Forger.of(letter))
    yield from _keys(Forger.of(letter))
    yield from _elsewhere(letter)
    yield from _sealed(envelope, Forger.of(letter))


_CHANGED = "changed, or is not signed"
_LENGTHS = "not as long"
_CORE = "core is not well-formed"
_NOT_OURS = "not sealed for this site"


def _bytes(good: bytes) -> Iterator[Attack]:
    core = int.from_bytes(good[4:8], "big")
    yield Attack("nothing", b"", "cut short")
    yield Attack("magic-only", good[:4], "cut short")
    yield Attack("magic-of-an-envelope", b"GRE\x01" + good[4:], "not an envelope")
    yield Attack("magic-of-a-message", b"GRS\x01" + good[4:], "not an envelope")
    yield Attack("magic-of-version-2", b"GRL\x02" + good[4:], "not an envelope")
    for name, length, says in (
        ("zero", 0, _CORE + "|out of bounds"),
        ("one-less", core - 1, ""),
        ("one-more", core + 1, ""),
        ("above-limit", 4097, "out of bounds"),
        ("huge", 2**32 - 1, "out of bounds"),
    ):
        made = good[:4] + length.to_bytes(4, "big") + good[8:]
        yield Attack(f"core-length-{name}", made, says)
    place = 8 + core
    for name, index, says in (
        ("next", 3, _CHANGED),
        ("beyond-count", 5, _CHANGED),
        ("largest", 10_000, _CHANGED),
        ("above-limit", 10_001, "out of bounds"),
        ("huge", 2**32 - 1, "out of bounds"),
    ):
        made = good[:place] + index.to_bytes(4, "big") + good[place + 4 :]
        yield Attack(f"index-{name}", made, says)
    proof = place + 4 + WRAPPED_BYTES
    for count, says in ((0, _LENGTHS), (2, _LENGTHS), (4, _LENGTHS), (17, "out of bounds")):
        made = good[:proof] + bytes([count]) + good[proof + 1 :]
        yield Attack(f"proof-count-{count}", made, says)
    for name, end in (("core", 100), ("wrapped-key", place + 100), ("proof", proof + 40)):
        yield Attack(f"cut-in-{name}", good[:end], "cut short")
    yield Attack("cut-in-signature", good[: proof + 1 + 96 + 63], "cut short")
    yield Attack("cut-before-content", good[: proof + 1 + 96 + 64], _LENGTHS)
    yield Attack("cut-by-one", good[:-1], _LENGTHS)
    yield Attack("cut-by-the-tag", good[:-16], _LENGTHS)
    yield Attack("appended-zero", good + b"\x00", _LENGTHS)
    yield Attack("appended-itself", good + good, _LENGTHS)
    yield Attack("begins-with-blank", b" " + good, "not an envelope")


def _parts(good: Letter) -> Iterator[Attack]:
    def with_(name: str, says: str = _CHANGED, **parts: object) -> Attack:
        return Attack(name, replace(good, **parts).to_bytes(), says)  # type: ignore[arg-type]

    first, second, third = good.beside
    yield with_("proof-empty", beside=())
    yield with_("proof-short", beside=(first, second))
    yield with_("proof-long", beside=(first, second, third, bytes(32)))
    yield with_("proof-of-sixteen", beside=(bytes(32),) * 16)
    yield with_("proof-turned", beside=(third, second, first))
    yield with_("proof-bit", beside=(_bit(first, 0), second, third))
    yield with_("signature-bit", signature=_bit(good.signature, 0))
    yield with_("signature-zero", signature=bytes(64))
    scalar = int.from_bytes(good.signature[32:], "little") + ORDER
    again = good.signature[:32] + scalar.to_bytes(32, "little")
    yield with_("signature-plus-order", signature=again)
    yield with_("wrapped-bit-of-lattice", wrapped=_bit(good.wrapped, 5))
    yield with_("wrapped-bit-of-curve", wrapped=_bit(good.wrapped, 1100))
    yield with_("wrapped-bit-of-tag", wrapped=_bit(good.wrapped, WRAPPED_BYTES - 1))
    text = bytes(good.text)
    yield with_("content-first-bit", text=_bit(text, 0))
    yield with_("content-middle-bit", text=_bit(text, 30_000))
    yield with_("content-last-bit", text=_bit(text, len(text) - 1))
    for name, old, new in (
        ("sender", b'"sender":"a"', b'"sender":"b"'),
        ("count", b'"count":5', b'"count":6'),
        ("expires", b'"expires":1800003600', b'"expires":1900003600'),
        ("created", b'"created":1800000000', b'"created":1800000001'),
        ("round", b'"round":1', b'"round":2'),
        ("kind", b'"instances"', b'"candidate"'),
        ("ledger", b'"entries":7', b'"entries":8'),
        ("commitment", b'"commitment":"', None),
        ("recipients", b'"recipients":"', None),
        ("serial", b'"serial":"', None),
    ):
        at = good.core.index(old) + len(old)
        digit = b"1" if good.core[at : at + 1] == b"0" else b"0"
        core = good.core[:at] + digit + good.core[at + 1 :] if new is None else None
        yield with_(f"core-{name}-changed", core=core or good.core.replace(old, new or b""))
    sizes = good.core.replace(b'"size":65536', b'"size":131072')
    yield with_("core-size-changed", _LENGTHS, core=sizes)


def _cores(forger: Forger) -> Iterator[Attack]:
    """Cores that a member signed all the same."""
    text = forger.head
    for name, core in (
        ("key-twice", text.replace(b'"count":5', b'"count":5,"count":5')),
        ("key-twice-otherwise", text.replace(b'"count":5', b'"count":1,"count":5')),
        ("blank", text.replace(b'"count":5', b'"count": 5')),
        ("fraction", text.replace(b'"count":5', b'"count":5.0')),
        ("exponent", text.replace(b'"count":5', b'"count":5e0')),
        ("number-as-text", text.replace(b'"count":5', b'"count":"5"')),
        ("nan", text.replace(b'"count":5', b'"count":NaN')),
        ("true-for-one", text.replace(b'"version":1', b'"version":true')),
        ("escaped-name", text.replace(b'"sender":"a"', b'"sender":"\\u0061"')),
        ("not-utf-8", text.replace(b'"sender":"a"', b'"sender":"\xff"')),
        ("other-order", canonical({"z": 1})[:1] + text[1:-1] + b',"a":1}'),
        ("newline-behind", text + b"\n"),
        ("nested-deep", b"[" * 4000),
        ("number-of-4000-digits", text.replace(b'"entries":7', b'"entries":' + b"9" * 3000)),
    ):
        yield Attack(f"core-{name}", replace(forger, core=core).letter(), _CORE)
    fields = dict(forger.fields)
    missing = {name: value for name, value in fields.items() if name != "serial"}
    for name, forged in (
        ("field-missing", replace(forger, fields=missing)),
        ("field-unknown", forger.but(more=1)),
        ("version-2", forger.but(version=2)),
        ("upper-case-digest", forger.but(commitment=str(fields["commitment"]).upper())),
        ("count-zero", forger.but(count=0)),
        ("count-10001", forger.but(count=10_001)),
        ("size-one", forger.but(size=1)),
        ("size-negative", forger.but(size=-1)),
        ("size-4-gib", forger.but(size=1 << 32)),
        ("time-no-calendar-has", forger.but(created=(1 << 40) - 1, expires=(1 << 40) - 1)),
        ("time-negative", forger.but(created=-1)),
        ("sender-is-a-path", forger.but(sender="../a")),
        ("sender-look-alike", forger.but(sender="\u0430")),
        ("run-is-a-path", forger.placed(run="../run")),
        ("round-zero", forger.placed(round=0)),
        ("attempt-three", forger.placed(attempt=3)),
        ("kind-unknown", forger.placed(kind="rows")),
    ):
        yield Attack(f"core-{name}", forged.letter(), _CORE)
    fewer = forger.but(count=2)
    yield Attack("core-count-too-few-for-index", fewer.letter(), _CHANGED)
    yield Attack("core-count-too-many", forger.but(count=4000).letter(), _CHANGED)
    for name, forged, error, says in (
        ("expired", forger.but(created=NOW - 9000, expires=NOW - 5400), "Stale", "expired"),
        ("made-tomorrow", forger.but(created=NOW + 86400, expires=NOW + 90000), "ClockSkew", "NTP"),
        ("last-time-there-is", forger.but(created=(1 << 37) - 1), "ClockSkew", "6325"),
        ("other-roster", forger.placed(roster="00" * 32), "UnknownSite", "another roster"),
        ("other-run", forger.placed(run="run-0"), "Stale", "another run"),
        ("other-attempt", forger.placed(attempt=2), "Stale", "another run"),
        ("other-kind", forger.placed(kind="release"), "Stale", "another run"),
        ("names-another-sender", forger.but(sender="b"), "UnknownSite", "another site"),
    ):
        yield Attack(f"core-{name}", forged.letter(), says, error)


def _contents(forger: Forger) -> Iterator[Attack]:
    plain = forger.plain
    padding = "padding"
    for name, length in (
        ("one-less", 4999),
        ("of-next-size", 65_529),
        ("above-a-gib", (1 << 30) + 1),
        ("huge", (1 << 64) - 1),
    ):
        made = replace(forger, plain=length.to_bytes(8, "big") + plain[8:])
        yield Attack(f"length-{name}", made.letter(), padding)
    yield Attack("padding-first", replace(forger, plain=_bit(plain, 5008)).letter(), padding)
    yield Attack("padding-last", replace(forger, plain=_bit(plain, 65_535)).letter(), padding)
    longer = replace(forger.but(size=65_537), plain=plain + b"\x00")
    yield Attack("size-no-power-of-two", longer.letter(), padding)
    other = forger.but(serial="00" * 16)
    bound = replace(forger, bound=other.head)
    yield Attack("content-bound-to-another-core", bound.letter(), "content was changed")


def _keys(forger: Forger) -> Iterator[Attack]:
    head, core = forger.head, "the one the envelope commits to"

    def wrapped(data: bytes) -> bytes:
        return replace(forger, wrapped={2: data}).letter()

    own = member("s2")
    yield Attack("two-contents-other-key", wrapped(wrap(OTHER_KEY, head, own)), core)
    committed = forger.but(commitment=commitment(OTHER_KEY))
    yield Attack("commitment-of-another-key", committed.letter(), core)
    yield Attack("wrapped-for-another", wrapped(wrap(forger.key, head, member("s1"))), _NOT_OURS)
    yield Attack("wrapped-for-another-core", wrapped(wrap(forger.key, b"{}", own)), _NOT_OURS)
    good = wrap(forger.key, head, own)
    yield Attack("wrapped-zeros", wrapped(bytes(WRAPPED_BYTES)), _NOT_OURS)
    yield Attack("wrapped-ones", wrapped(b"\xff" * WRAPPED_BYTES), _NOT_OURS)
    for name, point in (("zero", bytes(32)), ("one", b"\x01" + bytes(31))):
        low = good[:1088] + point + good[1120:]
        yield Attack(f"wrapped-curve-point-{name}", wrapped(low), _NOT_OURS)
    named = replace(forger, leaves_of={2: "s1"})
    yield Attack("leaf-of-another-name", named.letter(), _CHANGED)
    for label in ("reply", "roster", "instruction"):
        signed = replace(forger, label=label)
        yield Attack(f"signed-as-{label}", signed.letter(), _CHANGED)
    yield Attack("signed-by-another", replace(forger, signer="b").letter(), _CHANGED)
    yield Attack("signed-by-its-recipient", replace(forger, signer="s2").letter(), _CHANGED)


def _elsewhere(good: bytes) -> Iterator[Attack]:
    """The good letter, where it does not belong."""
    yield Attack("wrong-recipient", good, _CHANGED, opening={"recipient": "s1"})
    yield Attack("parcel-names-another-sender", good, _CHANGED, opening={"sender": "b"})
    for name, place in (("run", {"run": "run-2"}), ("round", {"round": 2})):
        opening: dict[str, object] = {"place": place}
        yield Attack(f"in-another-{name}", good, "another run", "Stale", opening=opening)
    yield Attack("an-hour-late", good, "expired", "Stale", opening={"now": NOW + 7200})
    yield Attack("an-hour-early", good, "NTP", "ClockSkew", opening={"now": NOW - 3600})


def _sealed(good: bytes, forger: Forger) -> Iterator[Attack]:
    def of(name: str, made: bytes, says: str) -> Attack:
        return Attack(f"envelope-{name}", made, says, base="three.bin")

    whole = Sealed.from_bytes(good)
    counted = "not as many"
    at = 8 + len(whole.core)
    for count, says in ((2, counted), (4, counted), (10_001, "out of"), (2**32 - 1, "out of")):
        made = good[:at] + count.to_bytes(4, "big") + good[at + 4 :]
        yield of(f"count-{count}", made, says)
    one, two, three = whole.wrapped
    for name, wrapped, says in (
        ("keys-swapped", (two, one, three), _CHANGED),
        ("key-dropped", (one, two), counted),
        ("key-added", (one, two, three, three), counted),
        ("key-repeated", (one, one, three), _CHANGED),
    ):
        yield of(name, replace(whole, wrapped=wrapped).to_bytes(), says)
    yield of("cut-by-one", good[:-1], counted)
    yield of("appended", good + b"\x00", counted)
    yield of("as-letter", b"GRL\x01" + good[4:], "not an envelope")
    yield of("signature-bit", replace(whole, signature=_bit(whole.signature, 9)).to_bytes(), "")
    listed = {name: whole.header.model_dump()[name] for name in ("recipients",)}
    miscounts = replace(forger.but(**listed, count=2), names=("s0", "s1"))
    yield of("miscounts-its-recipients", miscounts.sealed(), "counts them wrongly")
    others = replace(forger.but(count=3), names=("s0", "s1", "s2"))
    yield of("for-others-than-named", others.sealed(), "sealed for others")


def _bit(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
