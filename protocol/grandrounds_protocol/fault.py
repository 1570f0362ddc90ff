"""Where a record from outside is wrong, in words that cannot carry what it holds."""

from pydantic import ValidationError

from grandrounds_protocol.shown import shown

MANY = 1000


def field_at_fault(error: ValidationError) -> str:
    """Return the path of the first wrong field, such as `parcels.0.length`.

    Where very many are wrong none is named: to list a million takes seconds.

    Unknown fields and keys are the sender's own words: what is no plain name is escaped and
    cut. The values that stand there are left out.
    """
    if error.error_count() > MANY:
        return f"more than {MANY} of them"
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return ".".join(_printed(part) for part in found[0]["loc"]) or "the whole record"


def _printed(part: int | str) -> str:
    plain = isinstance(part, int) or (part.isascii() and part.isidentifier() and len(part) < 64)
    return str(part) if plain else shown(str(part))
