"""What private releases of a site's rows have cost, and what is left of its budget."""

from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from grandrounds.folder import read_text
from grandrounds.tables import titled
from grandrounds_client.private import Booking, bookings
from grandrounds_client.settings import SiteSettings
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.record import Record
from grandrounds_protocol.settings import parse_settings
from grandrounds_protocol.times import spell

_SHOWN = 12
"""Digits of a digest, enough to tell one from another."""


class Spending(Record):
    """What `--json` prints."""

    site: str
    spent: float
    """Epsilon of all bookings, summed."""
    budget: float
    left: float
    bookings: dict[str, Booking]
    """By the digest of their release, the oldest first."""


def spending(folder: Path) -> Spending:
    """Read a site's bookings; nothing is written, so that a run may be going on.

    Raises
    ------
    BadInput
        If `site.toml` or the bookings cannot be read.
    """
    path = folder / "site.toml"
    settings = parse_settings(SiteSettings, read_text(path), str(path))
    records = folder / "privacy"
    booked = bookings(DirectoryStore(records)) if records.is_dir() else {}
    spent, limit = sum(each.epsilon for each in booked.values()), settings.privacy.budget
    return Spending(
        site=settings.name,
        spent=spent,
        budget=limit,
        left=max(0.0, limit - spent),
        bookings=booked,
    )


def table(booked: Mapping[str, Booking]) -> Table:
    """Lay the bookings out for a terminal."""
    found = titled(
        "Releases", text=("release", "booked", "file", "seed", "features"), numbers=("epsilon",)
    )
    for digest, each in booked.items():
        found.add_row(
            digest[:_SHOWN],
            "-" if each.time is None else spell(each.time),
            "-" if each.rows is None else each.rows[:_SHOWN],
            "-" if each.seed is None else str(each.seed),
            ", ".join(each.features) or "-",
            f"{each.epsilon:g}",
        )
    return found
