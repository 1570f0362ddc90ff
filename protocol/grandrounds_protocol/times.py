"""When something was made and until when it holds. The clock is passed in.

Seconds since 1970, UTC, whole ones.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from grandrounds_protocol.errors import ClockSkew, Stale

Time = Annotated[int, Field(ge=0, lt=1 << 37)]
"""Up to the year 6325: any of them can be spelt in a message."""
Clock = Callable[[], int]
"""Says what time it is."""
SKEW = 300
"""Seconds that two clocks may differ by."""
MINUTE, HOUR, DAY = 60, 3600, 86400


def check_time(created: int, expires: int, now: int, what: str) -> None:
    """Refuse what is not yet made, or no longer holds.

    Raises
    ------
    ClockSkew
        If it was made later than now, by more than SKEW, naming both times.
    Stale
        If it has expired.

    Examples
    --------
    >>> check_time(0, 60, 1000, "the roster")
    Traceback (most recent call last):
    grandrounds_protocol.errors.Stale: the roster expired at 1970-01-01 00:01:00 UTC...
    """
    if created > now + SKEW:
        raise ClockSkew(
            f"{what} was made at {spell(created)}, and here it is {spell(now)}",
            remedy="set both clocks by the network (NTP)",
        )
    if expires + SKEW < now:
        raise Stale(f"{what} expired at {spell(expires)}, and here it is {spell(now)}")


def spell(time: int) -> str:
    """Return a time as people read it.

    >>> spell(0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
