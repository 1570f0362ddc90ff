"""A coordinator and four sites as real processes on loopback, and who is who among them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from grandrounds.coordinating.follow import is_driven, kept, runs
from grandrounds.coordinating.order import STATE, make_order, write_order
from grandrounds.provision.identity import open_ledger
from grandrounds.running import control
from grandrounds.running.parts import CoordinatorPart, SitePart
from grandrounds_client.ledger import AnsweredEntry
from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.records import Phase
from grandrounds_server.checkpoints import Run
from grandrounds_server.journal import Event
from tests.deploy.coordinating.world import make_federation
from tests.deploy.running.test_stack import COMMAND, is_up, left_over, online
from tests.deploy.running.test_supervise import until
from tests.deploy.running.world import World, enrolled_world
from tests.faults.processes import below, children, command_of, send

SITES = ("east", "north", "south", "west")
VICTIM = "north"
RULES = 'recipe = "guarded"\nreview_min_rows = 1\nseed = 3'
LOOK = 0.02
"""Seconds between two looks at a run: a phase may take no more than a second."""
WELL = 300.0
"""Seconds until all are connected; a node that was killed is refused for a minute."""
_PROGRAM: dict[str, dict[str, str]] = {
    "coordinator": {
        CoordinatorPart.LINK: " superlink ",
        CoordinatorPart.EXECUTOR: " superexec-coordinator ",
        CoordinatorPart.EDGE: "nginx: master",
    },
    "site": {SitePart.NODE: " supernode ", SitePart.EXECUTOR: " superexec-site "},
}


@dataclass
class Stack:
    """All processes of a federation; the coordinator's supervisor stands under its name.

    Attributes
    ----------
    root : Path
    world : World
    started : dict of str to Popen
        The supervisors, by `coordinator` or the site's name.
    """

    root: Path
    world: World
    started: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.world.coordinator / STATE

    def start(self, who: str, **environment: str) -> None:
        """Start a coordinator or a site as its people would."""
        what, folder = "site", self.world.sites.get(who)
        if folder is None:
            what, folder = "coordinator", self.world.coordinator
        with (self.root / f"{who}.log").open("ab") as log:
            self.started[who] = subprocess.Popen(
                [*COMMAND, what, "start", str(folder)],
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )

    def start_coordinator(self) -> None:
        """Start it, and wait until it can be reached and runs all its programs."""
        self.start("coordinator")
        until(lambda: is_up(self.world) and self.has_its_programs("coordinator"), WELL, 0.3)

    def kill(self, who: str) -> None:
        """Kill a coordinator or site with all that it runs, as a power cut does."""
        process = self.started.pop(who)
        process.send_signal(signal.SIGSTOP)  # so that it starts nothing while we look
        send(below(process.pid), signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End all, by force where it takes long."""
        everybody = [pid for each in self.started.values() for pid in below(each.pid)]
        for process in reversed(self.started.values()):
            process.send_signal(signal.SIGTERM)
        try:
            for process in self.started.values():
                process.wait(60)
        finally:
            send(everybody, signal.SIGKILL)
            self.started.clear()

    def program(self, who: str, part: CoordinatorPart | SitePart) -> int:
        """Return the process of a part.

        Raises
        ------
        LookupError
            If it does not run now.
        """
        named = _PROGRAM["coordinator" if who == "coordinator" else "site"][part]
        for pid in children(self.started[who].pid):
            if named in command_of(pid):
                return pid
        raise LookupError(f"{part} of {who} does not run")

    def nursery(self, who: str) -> int:
        """Return the process from which an executor's apps are forked.

        Raises
        ------
        LookupError
            If it does not run now.
        """
        part = CoordinatorPart.EXECUTOR if who == "coordinator" else SitePart.EXECUTOR
        for pid in children(self.program(who, part)):
            if "forkserver" in command_of(pid):
                return pid
        raise LookupError(f"{who} has forked no app yet")

    def apps(self, who: str) -> list[int]:
        """Return the processes of an app that run now."""
        try:
            return children(self.nursery(who))
        except LookupError:
            return []

    def has_its_programs(self, who: str) -> bool:
        parts = CoordinatorPart if who == "coordinator" else SitePart
        try:
            return bool([self.program(who, part) for part in parts])
        except LookupError:
            return False

    def unwell(self) -> list[str]:
        """Return who does not run, is not connected, or is still at work."""
        found = [f"{who} lacks a program" for who in self.started if not self.has_its_programs(who)]
        found += [f"an app of {who} is left" for who in self.started if self.apps(who)]
        if not found and is_up(self.world):
            missing = set(SITES) - self._online()
            return [f"{site} is not connected" for site in sorted(missing)]
        return found or ["the edge does not answer"]

    def is_well(self) -> bool:
        """Whether everybody runs and is connected, and nobody is at work."""
        return not self.unwell()

    def _online(self) -> set[str]:
        try:
            return online(self.world)
        except GrandRoundsError:
            return set()

    def strays(self) -> list[str]:
        """Return processes that work in our folders and come from none that we started."""
        ours = sum(len(below(each.pid)) for each in self.started.values())
        found = left_over(self.root)
        return found if len(found) > ours else []

    def begin(self, run: str, patience: float) -> int:
        """Order a run and hand it to Flower; return Flower's number."""
        write_order(self.state, make_order(run=run, phase_timeout=patience))
        return control.submit(self.world.coordinator)

    def events(self, run: str) -> list[Event]:
        """Return what happened in a run so far."""
        if run not in {each.name for each in runs(self.state)}:
            return []
        return [line.event for line in kept(self.state, run).lines]

    def until_asked(self, run: str, phase: Phase, site: str = VICTIM) -> None:
        """Wait until a site has been asked in a phase."""

        def has_been() -> bool:
            return any(
                (event.what, event.phase, event.site) == ("asked", phase, site)
                for event in self.events(run)
            )

        until(has_been, WELL, every=LOOK)

    def ended(self, run: str) -> Run | None:
        """Return how a run ended or broke off; None while a process drives it."""
        if is_driven(self.state):
            return None
        return next((each for each in runs(self.state) if each.name == run), None)

    def answered(self, run: str) -> Iterator[tuple[str, AnsweredEntry]]:
        """Give every question of a run that the sites' ledgers say was answered."""
        for site, folder in self.world.sites.items():
            for entry in open_ledger(folder).entries():
                if isinstance(entry.what, AnsweredEntry) and entry.what.run == run:
                    yield site, entry.what


@contextmanager
def running(root: Path, rules: str = RULES) -> Iterator[Stack]:
    """Provision a federation, start everybody, and leave no process."""
    federation = make_federation(root / "federation", rules, SITES)
    stack = Stack(root, enrolled_world(root, federation, "made"))
    try:
        stack.start_coordinator()
        for site in SITES:
            stack.start(site)
        until(stack.is_well, WELL, every=0.5)
        yield stack
    finally:
        stack.close()
    until(lambda: not left_over(root), 20)


def left_unwell(stack: Stack, seconds: float) -> list[str]:
    """Return who is not well again after some time, and who is left over."""
    deadline = time.monotonic() + seconds
    while found := [*stack.unwell(), *stack.strays()]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return found
