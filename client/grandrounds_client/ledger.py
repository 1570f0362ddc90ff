"""The ledger: what a site sealed for whom, opened, refused and spent, line chained to line.

Append-only lines of canonical JSON. Each names the digest of the line before it, so a line
changed, moved or taken out breaks the chain. A cut tail would not: so the head, the number and
digest of the last line, travels with every reply and envelope, and peers keep it.

It holds exact counts and no value of any row. It never leaves the site; heads do.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.envelope.core import LedgerHead, Place
from grandrounds_protocol.errors import BadLedger
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Count, Digest, Record
from grandrounds_protocol.records import Phase
from grandrounds_protocol.times import Time

NOTHING = "0" * 64
"""What stands before the first line."""


class SealedEntry(Record):
    """An envelope left the house."""

    event: Literal["sealed"] = "sealed"
    place: Place
    recipients: tuple[SiteName, ...]
    serial: str
    digest: Digest
    """SHA-256 of the envelope."""
    contents: Digest
    """SHA-256 of what is inside."""
    rows: Count | None
    """Virtual rows inside; null for a model."""


class OpenedEntry(Record):
    """An envelope was opened here."""

    event: Literal["opened"] = "opened"
    place: Place
    sender: SiteName
    serial: str
    contents: Digest
    ledger: LedgerHead
    """How far the sender's ledger had come."""


class RefusedEntry(Record):
    """Something was refused here."""

    event: Literal["refused"] = "refused"
    run: str
    what: str
    """Such as `instruction` or `release of south`."""
    code: str


class AnsweredEntry(Record):
    """A question was answered."""

    event: Literal["answered"] = "answered"
    run: str
    round: Count
    attempt: Count
    phase: Phase
    question: Digest
    """SHA-256 of the instruction's body."""
    failure: str = ""
    """Name of the error, where that was the answer."""


class ReleasedEntry(Record):
    """A differentially private release of this site's rows was booked, and is made next."""

    event: Literal["private release"] = "private release"
    epsilon: float = Field(gt=0, allow_inf_nan=False)
    spent: float = Field(gt=0, allow_inf_nan=False)
    """By all releases up to this one."""
    release: Digest
    """What it is booked under: of the rows, the mechanism and epsilon."""


class RosterEntry(Record):
    """A version of the roster was accepted."""

    event: Literal["roster accepted"] = "roster accepted"
    version: int
    roster: Digest


Event = Annotated[
    SealedEntry | OpenedEntry | RefusedEntry | AnsweredEntry | ReleasedEntry | RosterEntry,
    Field(discriminator="event"),
]


class Entry(Record):
    """One line."""

    number: int = Field(ge=1)
    time: Time
    before: Digest
    """SHA-256 of the line before."""
    what: Event


class Lines(Protocol):
    """Where lines are kept: a file on a real site, memory in a simulation."""

    def read(self, start: int) -> bytes:
        """Return all whole lines from a byte on."""
        ...

    def append(self, lines: bytes, at: int) -> None:
        """Add lines at byte `at`, where the last ended, and keep them for good before returning.

        Raises
        ------
        WorkFailed
            If they cannot be kept, or another process has written since.
        """
        ...


class InMemory:
    """Lines of a simulation."""

    def __init__(self) -> None:
        self._lines = bytearray()

    def read(self, start: int) -> bytes:
        """Return all lines from a byte on."""
        return bytes(self._lines[start:])

    def append(self, lines: bytes, at: int) -> None:  # noqa: ARG002 (there is one writer)
        """Add lines."""
        self._lines += lines


@dataclass
class _Known:
    """How far the lines were read and found whole."""

    size: int = 0
    entries: int = 0
    digest: str = NOTHING


class Ledger:
    """A chain of entries over some lines."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._known = _Known()

    @property
    def head(self) -> LedgerHead:
        """Number and digest of the last entry.

        Raises
        ------
        BadLedger
            If lines written since the last look do not continue the chain.
        """
        for _ in self._new():
            pass
        return LedgerHead(entries=self._known.entries, digest=self._known.digest)

    def write(self, events: Sequence[Event], now: int) -> LedgerHead:
        """Add entries, all or none, and keep them for good before returning.

        Raises
        ------
        WorkFailed
            If they cannot be kept: then nothing may leave.
        BadLedger
        """
        head = self.head
        lines, number, before = [], head.entries, head.digest
        for event in events:
            number += 1
            line = to_canonical(Entry(number=number, time=now, before=before, what=event))
            before = hashlib.sha256(line).hexdigest()
            lines.append(line + b"\n")
        self._lines.append(b"".join(lines), self._known.size)
        return self.head

    def entries(self) -> Iterator[Entry]:
        """All entries from the first, checked on the way.

        Raises
        ------
        BadLedger
            Naming the first line that does not continue the chain.
        """
        return _checked(self._lines.read(0), _Known())

    def _new(self) -> Iterator[Entry]:
        return _checked(self._lines.read(self._known.size), self._known)


def _checked(data: bytes, known: _Known) -> Iterator[Entry]:
    for line in data.split(b"\n")[:-1]:
        number = known.entries + 1
        try:
            entry = from_canonical(Entry, line)
        except ValueError:
            raise BadLedger("a line of the ledger was changed", where=f"line {number}") from None
        if entry.number != number or entry.before != known.digest:
            raise BadLedger(
                "the ledger's chain is broken: a line was changed, moved or taken out",
                where=f"line {number}",
            )
        known.entries, known.digest = number, hashlib.sha256(line).hexdigest()
        known.size += len(line) + 1
        yield entry


def check_head(ledger: Ledger, head: LedgerHead, who: str) -> None:
    """Compare the ledger with a head that somebody kept.

    Raises
    ------
    BadLedger
        If that head is no entry of this ledger: its tail was cut, or it was written anew.
    """
    if head.entries == 0:
        return
    digest = NOTHING
    for entry in ledger.entries():
        digest = hashlib.sha256(to_canonical(entry)).hexdigest()
        if entry.number == head.entries:
            break
    else:
        raise BadLedger(
            f"the ledger is shorter than the {head.entries} entries that {who} saw",
            remedy="its tail was cut, or an older copy was restored: ask who had access",
        )
    if digest != head.digest:
        raise BadLedger(
            f"entry {head.entries} is not the one that {who} saw",
            remedy="the ledger was written anew: ask who had access",
        )
