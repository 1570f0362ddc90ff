"""The ledger: what a site sealed for whom, opened, refused and spent, line chained to line.

Append-only lines of canonical JSON. Each names the digest of the line before it, so a line
changed, moved or taken out breaks the chain. A changed last line or a cut tail would not: so the
head, the number and digest of the last line, is kept beside the lines, and travels with every
reply and envelope to peers, who keep it.

It holds exact counts and no value of any row. It never leaves the site; heads do.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from pydantic import Field

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.envelope.core import LedgerHead, Place
from grandrounds_protocol.errors import BadLedger
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Count, Digest, Record
from grandrounds_protocol.records import Phase
from grandrounds_protocol.times import DAY, Time

NOTHING = "0" * 64
"""What stands before the first line."""
EMPTY = LedgerHead(entries=0, digest=NOTHING)
"""The head of a ledger without lines."""


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

    def kept(self) -> LedgerHead | None:
        """Return the head that was kept beside the lines; None where none is kept.

        Raises
        ------
        BadLedger
            If there are lines, and it is gone.
        """
        ...

    def append(self, lines: bytes, at: int, before: LedgerHead, after: LedgerHead) -> None:
        """Add lines at byte `at`, where the last ended, and keep them for good before returning.

        The head before them and the head after them are kept beside them.

        Raises
        ------
        WorkFailed
            If they cannot be kept, or another process has written since.
        BadLedger
            If lines are gone that stood before `at`.
        """
        ...


class InMemory:
    """Lines of a simulation."""

    def __init__(self) -> None:
        self._lines = bytearray()

    def read(self, start: int) -> bytes:
        """Return all lines from a byte on."""
        return bytes(self._lines[start:])

    def kept(self) -> None:
        """Nobody but the process itself could change its memory."""

    def append(
        self,
        lines: bytes,
        at: int,  # noqa: ARG002 (there is one writer)
        before: LedgerHead,  # noqa: ARG002 (nothing is kept beside them)
        after: LedgerHead,  # noqa: ARG002 (likewise)
    ) -> None:
        """Add lines."""
        self._lines += lines


@dataclass
class _Known:
    """How far the lines were read and found whole."""

    size: int = 0
    head: LedgerHead = EMPTY
    failures: dict[Event, int] = field(default_factory=dict)
    """The day on which each refusal or failure was last written, as days since 1970."""
    rosters: set[str] = field(default_factory=set)
    """Those that were accepted."""


class Ledger:
    """A chain of entries over some lines."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._known = _Known()
        self._held = False

    @property
    def head(self) -> LedgerHead:
        """Number and digest of the last entry.

        Raises
        ------
        BadLedger
            If lines written since the last look do not continue the chain.
        """
        for _ in _checked(self._lines.read(self._known.size), self._known):
            pass
        return self._known.head

    def write(self, events: Sequence[Event], now: int) -> LedgerHead:
        """Add entries, all or none, and keep them for good before returning.

        Raises
        ------
        WorkFailed
            If they cannot be kept: then nothing may leave.
        BadLedger
            If the ledger does not hold as it is.
        """
        before = after = self._opened()
        lines = []
        for event in events:
            number = after.entries + 1
            line = to_canonical(Entry(number=number, time=now, before=after.digest, what=event))
            after = LedgerHead(entries=number, digest=hashlib.sha256(line).hexdigest())
            lines.append(line + b"\n")
        self._lines.append(b"".join(lines), self._known.size, before, after)
        return self.head

    def write_once_a_day(self, event: RefusedEntry | AnsweredEntry, now: int) -> None:
        """Add a refusal or failure, unless the same was added on this day (UTC).

        Anybody may send the same bytes again and again: the ledger must not grow with them.

        Raises
        ------
        WorkFailed, BadLedger
        """
        self._opened()
        if self._known.failures.get(event) != now // DAY:
            self.write([event], now)

    def failed_today(self, question: str, now: int) -> bool:
        """Whether a question, named by its digest, failed on this day (UTC).

        Raises
        ------
        BadLedger
        """
        self._opened()
        return any(
            isinstance(event, AnsweredEntry) and event.question == question and day == now // DAY
            for event, day in self._known.failures.items()
        )

    def check_kept(self) -> None:
        """Compare the lines with the head that was kept beside them when they were last written.

        A crash may have kept the last write from it. Lines of one write bear one time.

        Raises
        ------
        BadLedger
            If the last line was changed, the tail cut, or lines added or written anew.
        """
        kept, head = self._lines.kept(), self.head
        while kept != (now := self._lines.kept()):  # another process wrote meanwhile
            kept, head = now, self.head
        if kept is not None and kept != head:
            check_head(self, kept, "this site itself")
            behind = range(kept.entries + 1, head.entries + 1)
            later = [entry.time for entry in self.entries() if entry.number in behind]
            if len(set(later)) > 1:
                raise BadLedger(
                    f"the ledger has {len(later)} lines more than this site wrote",
                    remedy="lines were added, or the head kept beside them is of an older copy: "
                    "ask who had access",
                )
        self._held = True

    def check_accepted(self, roster: str) -> None:
        """Check that a roster, named by its fingerprint, was accepted by a line of this ledger.

        Where ledger and head are gone together, nothing else tells them from those of a new site.

        Raises
        ------
        BadLedger
        """
        if not self.head.entries or roster not in self._known.rosters:
            raise BadLedger(
                "the ledger is gone, or it is another: no line says that the roster was accepted",
                remedy="restore ledger.jsonl and ledger.head from one backup, and ask who had "
                "access; docs/hospital.md says what to do if there is none",
            )

    def entries(self) -> Iterator[Entry]:
        """All entries from the first, checked on the way.

        Raises
        ------
        BadLedger
            Naming the first line that does not continue the chain.
        """
        return _checked(self._lines.read(0), _Known())

    def _opened(self) -> LedgerHead:
        if not self._held:
            self.check_kept()
        return self.head


def _checked(data: bytes, known: _Known) -> Iterator[Entry]:
    for line in data.split(b"\n")[:-1]:
        number = known.head.entries + 1
        try:
            entry = from_canonical(Entry, line)
        except ValueError:
            raise BadLedger("a line of the ledger was changed", where=f"line {number}") from None
        if entry.number != number or entry.before != known.head.digest:
            raise BadLedger(
                "the ledger's chain is broken: a line was changed, moved or taken out",
                where=f"line {number}",
            )
        known.head = LedgerHead(entries=number, digest=hashlib.sha256(line).hexdigest())
        known.size += len(line) + 1
        if _is_failure(entry.what):
            known.failures[entry.what] = entry.time // DAY
        elif isinstance(entry.what, RosterEntry):
            known.rosters.add(entry.what.roster)
        yield entry


def _is_failure(event: Event) -> bool:
    return isinstance(event, RefusedEntry) or (
        isinstance(event, AnsweredEntry) and event.failure != ""
    )


def check_head(ledger: Ledger, head: LedgerHead, who: str) -> None:
    """Compare the ledger with a head that somebody kept.

    Raises
    ------
    BadLedger
        If that head is no entry of this ledger: its tail was cut, or it was written anew.
    """
    digests = [*(entry.before for entry in ledger.entries()), ledger.head.digest]
    if head.entries >= len(digests):
        raise BadLedger(
            f"the ledger is shorter than the {head.entries} entries that {who} saw",
            remedy="its tail was cut, or an older copy was restored: ask who had access",
        )
    if digests[head.entries] != head.digest:
        raise BadLedger(
            f"entry {head.entries} is not the one that {who} saw",
            remedy="that line was changed, or the ledger written anew: ask who had access",
        )
