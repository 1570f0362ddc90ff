"""One fault in one run: what is done, what must happen, and what was seen."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from grandrounds.cli import run_command
from grandrounds.coordinating.order import RUNS
from grandrounds.coordinating.results import RunResults
from grandrounds.provision.identity import open_ledger
from grandrounds_client.ledger import RefusedEntry
from grandrounds_protocol.records import Phase
from grandrounds_server.checkpoints import Run
from grandrounds_server.journal import Event
from tests.faults.stack import LOOK, VICTIM, WELL, Stack, left_unwell

LONGEST = 900.0
"""Seconds until a run with a fault must have come to its end."""
PATIENCE = 3.0
"""Seconds that nobody drives a run before its operator goes on with it."""


@dataclass(frozen=True)
class Under:
    """A run that is under way.

    Attributes
    ----------
    name : str
    number : int
        Flower's.
    phase : Phase
        That it has come to: the site at which faults happen was asked.
    """

    name: str
    number: int
    phase: Phase


Inject = Callable[[Stack, Under], None]
"""Does the fault."""


@dataclass(frozen=True)
class Seen:
    """What became of a run.

    Attributes
    ----------
    stack : Stack
    run : Run
    events : list of Event
    resumed : int
        How often its operator went on with it.
    """

    stack: Stack
    run: Run
    events: list[Event]
    resumed: int

    @property
    def results(self) -> RunResults:
        path = self.stack.state / RUNS / self.run.name / "results.json"
        return RunResults.model_validate_json(path.read_text())

    def twice(self) -> list[str]:
        """Return the questions that a site answered more than once."""
        told = Counter(
            (site, entry.round, entry.attempt, entry.phase)
            for site, entry in self.stack.answered(self.run.name)
            if not entry.failure
        )
        return [f"{question} {count} times" for question, count in told.items() if count > 1]

    def again(self) -> list[str]:
        """Return the phases that began once more after they had been kept."""
        kept, found = set(), []
        for event in self.events:
            place = (event.round, event.attempt, event.phase)
            if event.what == "kept":
                kept.add(place)
            elif event.what == "phase" and place in kept:
                found.append(f"{place} was done again")
        return found


Check = Callable[[Seen, str], Iterator[str]]
"""Says what is wrong, given the undisturbed run's digest."""


@dataclass(frozen=True)
class Fault:
    """A row of the matrix.

    Attributes
    ----------
    name : str
    expected : str
        What must happen, in words.
    inject : callable
    phase : Phase
        In which it is done.
    check : callable
    patience : float
        Seconds that the coordinator waits for a phase's answers.
    """

    name: str
    expected: str
    inject: Inject
    phase: Phase
    check: Check
    patience: float = 600.0


@dataclass(frozen=True)
class Outcome:
    """A line of the record."""

    fault: str
    expected: str
    seen: str
    seconds: float
    passed: bool

    @property
    def fields(self) -> dict[str, object]:
        return asdict(self)


def same_result(seen: Seen, digest: str) -> Iterator[str]:
    """Find what tells a run from the undisturbed one."""
    if seen.run.status != "done":
        yield f"the run is {seen.run.status}: {seen.run.reason}"
    elif seen.run.digest != digest:
        yield f"another digest; sites say {[s.reason for s in seen.results.sites.values()]}"


def costs_the_site(seen: Seen, _digest: str) -> Iterator[str]:
    """Find where a run did more, or less, than to go on without one site."""
    if seen.run.status != "done":
        yield f"the run is {seen.run.status}: {seen.run.reason}"
        return
    sites = seen.results.sites
    if "could not be asked" not in sites[VICTIM].reason:
        yield f"{VICTIM} is said to have contributed: {sites[VICTIM].reason!r}"
    for name, site in sites.items():
        if name != VICTIM and not site.own.after.n:
            yield f"{name} did not end: {site.reason!r}"


def refused(seen: Seen, digest: str) -> Iterator[str]:
    """Find what a forged instruction did besides being refused and written down."""
    yield from same_result(seen, digest)
    ledger = open_ledger(seen.stack.world.sites[VICTIM])
    codes = {
        entry.what.code
        for entry in ledger.entries()
        if isinstance(entry.what, RefusedEntry) and entry.what.what == "instruction"
    }
    if codes != {"BadSignature"}:
        yield f"the ledger of {VICTIM} says {codes or 'nothing'}"


def asked_again(seen: Seen, digest: str) -> Iterator[str]:
    """Find whether a forged reply did anything but have its site asked again."""
    yield from same_result(seen, digest)
    codes = {event.code for event in seen.events if event.what == "failed"}
    if codes != {"BadSignature"}:
        yield f"the journal says {codes or 'nothing'} of replies"


def suffer(stack: Stack, fault: Fault, run: str, digest: str) -> Outcome:
    """Begin a run, do the fault to it, let it end, and look at all that is left."""
    since = time.monotonic()
    under = Under(run, stack.begin(run, fault.patience), fault.phase)
    stack.until_asked(run, fault.phase)
    fault.inject(stack, under)
    seen = _to_its_end(stack, run, fault.patience)
    wrong = [*fault.check(seen, digest), *seen.twice(), *seen.again()]
    seconds = time.monotonic() - since
    wrong += left_unwell(stack, WELL)
    told = "; ".join(wrong) or _words(seen)
    return Outcome(fault.name, fault.expected, told, round(seconds, 1), not wrong)


def _to_its_end(stack: Stack, run: str, patience: float) -> Seen:
    """Wait for a run's end; go on with it, as its operator would, where it broke off."""
    deadline, resumed, idle = time.monotonic() + LONGEST, 0, 0.0
    while True:
        found = stack.ended(run)
        if found is not None and (found.status == "done" or time.monotonic() > deadline):
            return Seen(stack, found, stack.events(run), resumed)
        if found is None:
            idle = time.monotonic()
        elif time.monotonic() > idle + PATIENCE:
            resumed += _go_on(stack, run, patience)
            idle = time.monotonic()
        assert time.monotonic() < deadline + LONGEST, f"{run} does not end"
        time.sleep(LOOK)


def _go_on(stack: Stack, run: str, patience: float) -> bool:
    """Resume; return whether a run was begun."""
    folder = str(stack.world.coordinator)
    before = _starts(stack, run)
    order = ["coordinator", "run", folder, "--run", run, "--resume"]
    run_command([*order, "--phase-timeout", str(patience)])
    return _starts(stack, run) > before


def _starts(stack: Stack, run: str) -> int:
    return sum(event.what == "resumed" for event in stack.events(run))


def _words(seen: Seen) -> str:
    answers = sum(not entry.failure for _, entry in seen.stack.answered(seen.run.name))
    how = f"resumed {seen.resumed} time(s)" if seen.resumed else "went on by itself"
    return f"{seen.run.status}, {how}, {answers} questions answered once each"
