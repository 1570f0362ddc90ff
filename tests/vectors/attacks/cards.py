"""Releases whose card is not one, or says what a card must not say."""

import json
import struct
from typing import Any

from grandrounds_protocol.records import Metrics, ModelCard
from grandrounds_protocol.release import ModelRelease
from tests.vectors.attacks.messages import NAMES

_CARD = ModelCard(
    site="a",
    algorithm="tree",
    features=("age", "sex"),
    classes=("well", "ill"),
    validation=Metrics(accuracy=0.5, balanced_accuracy=0.5, auc=None, n=10),
    rows="100-199",
)


def sound() -> bytes:
    """Return a release that nothing is wrong with."""
    return ModelRelease(_CARD, b"graph").to_bytes()


def _packed(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text + b"graph"


def _edited(**fields: Any) -> bytes:
    card = _CARD.model_dump(mode="json") | fields
    return _packed(json.dumps(card, separators=(",", ":"), ensure_ascii=False).encode())


def _swapped(old: bytes, new: bytes) -> bytes:
    text = _CARD.model_dump_json().encode()
    assert old in text
    return _packed(text.replace(old, new, 1))


def cards() -> dict[str, tuple[bytes, str]]:
    figures = _CARD.model_dump(mode="json")["validation"]
    names = {f"site-{kind}": (_edited(site=name), "field site") for kind, name in NAMES.items()}
    return names | {
        "empty": (b"", "length of the card"),
        "cut": (sound()[:40], "length of the card"),
        "card-of-4-gigabytes": (b"\xff" * 4 + sound()[4:], "length of the card"),
        "card-not-json": (_packed(b"\x80\x04N."), "card"),
        "card-not-utf8": (_swapped(b'"tree"', b'"\xff"'), "card"),
        "card-deep": (_packed(b"[" * 20_000 + b"]" * 20_000), "card"),
        "key-twice": (_swapped(b'"site":"a"', b'"site":"b","site":"a"'), "card"),
        "blanks": (_swapped(b":", b": "), "card"),
        "unknown-field": (_edited(weights=[1, 2]), "field weights"),
        "field-missing": (_packed(b'{"site":"a"}'), "field algorithm"),
        "algorithm-line-feed": (_edited(algorithm="tree\nroot"), "field algorithm"),
        "algorithm-line-separator": (_edited(algorithm="tree\u2028"), "field algorithm"),
        "algorithm-right-to-left": (_edited(algorithm="\u202eeert"), "field algorithm"),
        "algorithm-terminal": (_edited(algorithm="\x1b[2J"), "field algorithm"),
        "algorithm-4-kilobytes": (_edited(algorithm="t" * 4096), "field algorithm"),
        "feature-nul": (_edited(features=["age\x00", "sex"]), "features.0"),
        "feature-without-width": (_edited(features=["a\u200bge", "sex"]), "features.0"),
        "feature-empty": (_edited(features=["age", ""]), "features.1"),
        "features-not-a-list": (_edited(features="age"), "field features"),
        "class-4-kilobytes": (_edited(classes=["w" * 4096, "ill"]), "classes.0"),
        "class-line-feed": (_edited(classes=["well", "i\nll"]), "classes.1"),
        "rows-exact": (_edited(rows="137"), "field rows"),
        "rows-negative": (_edited(rows="-5-10"), "field rows"),
        "rows-text": (_edited(rows="many"), "field rows"),
        "rows-in-other-digits": (_edited(rows="\u0661-\u0669"), "field rows"),
        "rows-with-line-feed": (_edited(rows="0-9\n"), "field rows"),
        "rows-backwards": (_edited(rows="199-100"), "field rows"),
        "rows-of-many-digits": (_edited(rows="0-" + "9" * 5000), "field rows"),
        "accuracy-above-one": (
            _edited(validation=figures | {"accuracy": 1.5}),
            "validation.accuracy",
        ),
        "accuracy-nan": (_swapped(b'"accuracy":0.5', b'"accuracy":NaN'), "validation.accuracy"),
        "rows-of-figures-negative": (_edited(validation=figures | {"n": -1}), "validation.n"),
    }


def large_cards() -> dict[str, tuple[bytes, str]]:
    """Return what is too large to store."""
    return {
        "card-of-2-megabytes": (_edited(features=["f" * 70] * 30_000), "length of the card"),
        "many-wrong-features": (_edited(features=[""] * 300_000), "features.0"),
    }
