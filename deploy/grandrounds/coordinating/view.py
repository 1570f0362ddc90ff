"""How a run stands: its journal, added up line by line."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from grandrounds_protocol.records import Phase
from grandrounds_server.journal import Event


@dataclass
class View:
    """A run so far.

    Attributes
    ----------
    place : Event or None
        The last phase that began.
    sites : dict of str to str
        In that phase: `asked`, `answered`, or `failed` with the error's name.
    again : Counter of str
        Questions to each site in that phase beyond the first.
    answered : Counter of Phase
        Answers over all rounds; likewise the others.
    failed : Counter of (Phase, str)
        With the error's name.
    kept : Counter of Phase
        Phases that are over.
    seconds : Counter of Phase
    sent, received : Counter of Phase
        Bytes, of phases that are over.
    dropped : int
        Replies that came too late, or twice.
    starts : int
        How often the run was begun or gone on with.
    ended : Event or None
        How the last start ended, if it did.
    """

    place: Event | None = None
    sites: dict[str, str] = field(default_factory=dict)
    again: Counter[str] = field(default_factory=Counter)
    answered: Counter[Phase] = field(default_factory=Counter)
    failed: Counter[tuple[Phase, str]] = field(default_factory=Counter)
    kept: Counter[Phase] = field(default_factory=Counter)
    seconds: dict[Phase, float] = field(default_factory=dict)
    sent: Counter[Phase] = field(default_factory=Counter)
    received: Counter[Phase] = field(default_factory=Counter)
    dropped: int = 0
    starts: int = 0
    ended: Event | None = None

    def add(self, event: Event) -> None:
        """Take in the next line."""
        phase = event.phase
        match event.what:
            case "begun" | "resumed":
                self.starts += 1
                self.ended = None
            case "phase":
                self.place = event
                self.sites.clear()
                self.again.clear()
            case "asked":
                self.again[event.site] += event.site in self.sites
                self.sites[event.site] = "asked"
            case "answered" if phase:
                self.sites[event.site] = "answered"
                self.answered[phase] += 1
            case "failed" if phase:
                self.sites[event.site] = f"failed ({event.code})"
                self.failed[phase, event.code] += 1
            case "dropped":
                self.dropped += 1
            case "kept" if phase:
                self.kept[phase] += 1
                self.seconds[phase] = self.seconds.get(phase, 0.0) + event.seconds
                self.sent[phase] += event.sent
                self.received[phase] += event.received
            case "ended":
                self.ended = event


def went_without(events: Iterable[Event]) -> dict[str, list[str]]:
    """Return the sites that a phase went on without, each with the failures' names."""
    last: dict[tuple[int, int, Phase | None, str], str] = {}
    for event in events:
        if event.what in {"answered", "failed"}:
            place = (event.round, event.attempt, event.phase, event.site)
            last[place] = event.code  # a phase that is asked anew ends anew
    found: dict[str, set[str]] = {}
    for (*_, site), code in last.items():
        if code:
            found.setdefault(site, set()).add(code)
    return {site: sorted(codes) for site, codes in sorted(found.items())}


def view_of(events: Iterable[Event]) -> View:
    """Add up a journal."""
    view = View()
    for event in events:
        view.add(event)
    return view
