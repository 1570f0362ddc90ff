"""What a site's own log may hold of an error."""

import traceback

from grandrounds_protocol.errors import GrandRoundsError

_LONGEST = 500
"""Letters: names in a message may be a peer's."""


def frames(error: Exception) -> str:
    """Return where an error arose: its type and lines, without its message, which may hold data."""
    found = traceback.extract_tb(error.__traceback__)
    steps = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(found))
    return f"{type(error).__name__} at {steps}"


def told(error: GrandRoundsError) -> str:
    """Return an error's name, and in one line what happened, where, and what to do: no value."""
    line = "".join(letter if letter.isprintable() else " " for letter in f"{error.code}: {error}")
    return " ".join(line.split())[:_LONGEST]
