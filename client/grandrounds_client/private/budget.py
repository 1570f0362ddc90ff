"""What a site's noisy releases cost together, and the limit its owner set.

A booking is written before the noise is drawn, and never taken back: whatever happens in
between, no release goes unbooked.
"""

from collections.abc import Mapping, MutableMapping

from pydantic import Field

from grandrounds_protocol.errors import BudgetSpent
from grandrounds_protocol.record import Digest, Record
from grandrounds_protocol.times import Time

_BOOKED = "privacy/booked/"

ROUNDING = 1e-9
"""So that three releases at 0.1 fit into a budget of 0.3."""


class Booking(Record):
    """One release, by the digest that stands in its key. It holds no value and no count of rows.

    What an earlier version of this program did not write is left out.
    """

    epsilon: float = Field(gt=0, allow_inf_nan=False)
    rows: Digest | None = None
    """SHA-256 of all rows as encoded: the same for the same version of the file."""
    features: tuple[str, ...] = ()
    """Names of those that were counted."""
    seed: int | None = None
    """Of the run it was made for; it deals out the training rows."""
    time: Time | None = None
    """When it was booked; None for a site that has no clock."""


def bookings(records: Mapping[str, bytes]) -> dict[str, Booking]:
    """Return all bookings by the digest of their release, the oldest first."""
    found = {
        key.removeprefix(_BOOKED): Booking.model_validate_json(records[key])
        for key in sorted(records)
        if key.startswith(_BOOKED)
    }
    return dict(sorted(found.items(), key=lambda item: item[1].time or 0))


def spent(records: Mapping[str, bytes]) -> float:
    """Epsilon of all releases booked, summed: what one patient in all of them would bear."""
    return sum(booking.epsilon for booking in bookings(records).values())


def check(records: Mapping[str, bytes], digest: str, epsilon: float, budget: float) -> None:
    """Refuse a release that would go past the budget; one that is booked costs nothing more.

    Raises
    ------
    BudgetSpent
        Naming what is spent, asked for, and the budget.
    """
    before = spent(records)
    if _BOOKED + digest in records or before + epsilon <= budget + ROUNDING:
        return
    raise BudgetSpent(
        f"epsilon {before:g} is spent and {epsilon:g} is asked for; the budget is {budget:g}",
        where="site.toml, [privacy], field budget",
        remedy="raise the budget if the owner of the rows agrees, or take part in other recipes",
    )


def book(records: MutableMapping[str, bytes], digest: str, booking: Booking, budget: float) -> None:
    """Write a release down before it is made.

    Raises
    ------
    BudgetSpent
        As `check`; nothing is written then.
    WorkFailed
        If it cannot be written: then nothing may be released.
    """
    check(records, digest, booking.epsilon, budget)
    if _BOOKED + digest not in records:
        records[_BOOKED + digest] = booking.model_dump_json().encode()
