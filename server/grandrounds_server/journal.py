"""What happens in a run, line by line, for whoever follows it, now or later.

Lines hold names, codes, times and sizes of messages, and nothing that a site counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from grandrounds_protocol.record import Record
from grandrounds_protocol.records import Phase
from grandrounds_server.database import Database, pack

Happened = Literal[
    "begun", "resumed", "phase", "asked", "answered", "failed", "dropped", "kept", "ended"
]
"""`phase`: it begins; `kept`: it is over, and need not be done again; `dropped`: a reply that
came too late or twice."""


class Event(Record):
    """One line."""

    what: Happened
    time: float = 0.0
    """Seconds since 1970, UTC."""
    round: int = 0
    attempt: int = 1
    phase: Phase | None = None
    site: str = ""
    code: str = ""
    """Of a failure the error's name; of an end `done`, `stopped` or `failed`."""
    reason: str = ""
    seconds: float = 0.0
    """That a phase took."""
    sent: int = 0
    received: int = 0
    """Bytes of messages in a phase."""


@dataclass(frozen=True)
class Line:
    """An event with its place in the journal of all runs."""

    number: int
    event: Event


_EVENT = TypeAdapter(Event)


class Journal:
    """The lines of one run.

    Parameters
    ----------
    database : Database
    run : str
    clock : callable
        Seconds since 1970, UTC.
    """

    def __init__(self, database: Database, run: str, clock: Callable[[], float]) -> None:
        self._database = database
        self._run = run
        self._clock = clock

    def write(self, event: Event) -> None:
        """Add a line.

        Raises
        ------
        WorkFailed
        """
        timed = event.model_copy(update={"time": round(self._clock(), 3)})
        with self._database.change() as change:
            change("INSERT INTO events (run, event) VALUES (?, ?)", self._run, pack(_EVENT, timed))

    def lines(self, after: int = 0) -> list[Line]:
        """Return the lines behind a number.

        Raises
        ------
        WorkFailed
        """
        found = self._database.rows(
            "SELECT number, event FROM events WHERE run = ? AND number > ? ORDER BY number",
            self._run,
            after,
        )
        return [
            Line(number, self._database.unpack(_EVENT, data, "its journal"))
            for number, data in found
        ]
