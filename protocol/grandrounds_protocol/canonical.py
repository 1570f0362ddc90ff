"""One way to write a record as bytes: what is signed or hashed has no second spelling.

JSON with sorted keys and no blanks, as RFC 8785 for what occurs here: whole numbers, short
fractions, text, lists and objects. ASCII only: unlike there, other letters are escaped.
"""

import json
from typing import TypeVar

from pydantic import ValidationError

from grandrounds_protocol.record import Record

R = TypeVar("R", bound=Record)


def to_canonical(record: Record) -> bytes:
    """Write a record with all its fields.

    >>> from grandrounds_protocol.records import Metrics
    >>> to_canonical(Metrics(n=8, auc=None, accuracy=0.625, balanced_accuracy=0.5))
    b'{"accuracy":0.625,"auc":null,"balanced_accuracy":0.5,"n":8}'
    """
    fields = record.model_dump(mode="json")
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def from_canonical(model: type[R], data: bytes) -> R:
    """Read a record, and only if these are the very bytes that `to_canonical` writes.

    Raises
    ------
    ValueError
        If it is anything else: a field too many, too few or doubled, another order, a blank.
    """
    try:
        record = model.model_validate_json(data)
    except (ValidationError, RecursionError):
        raise ValueError("not a well-formed record") from None
    if to_canonical(record) != data:
        raise ValueError("not written the canonical way")
    return record
