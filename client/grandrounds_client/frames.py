"""What may be logged of an error that nobody meant."""

import traceback


def frames(error: Exception) -> str:
    """Return where an error arose: its type and lines, without its message, which may hold data."""
    found = traceback.extract_tb(error.__traceback__)
    steps = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(found))
    return f"{type(error).__name__} at {steps}"
