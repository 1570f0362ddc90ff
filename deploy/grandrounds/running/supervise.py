"""Keep a few programs running: start them in order, restart one that dies, stop them all.

Each program has a process group of its own, so that what it started ends with it. Should this
process be killed outright, the kernel tells its programs to end.
"""

import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from grandrounds_protocol.errors import BadInput

log = logging.getLogger(__name__)

LOOK = 0.2
"""Seconds between two looks at the programs."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before a program that died is started again: doubled each time, at most the latter."""
STEADY = 60.0
"""A program that ran for so many seconds counts as having started well."""
GRACE = 10.0
"""Seconds that a program has to end when told to."""
START = 120.0
"""Seconds that a program has to get ready before the next one is started regardless."""


def ready_at_once() -> bool:
    """Say that a program is ready as soon as it runs."""
    return True


def nothing() -> None:
    """Do nothing."""


@dataclass
class Program:
    """A program to keep running.

    Attributes
    ----------
    name : str
    command : sequence of str
    environment : mapping of str to str
    ready : callable
        Whether it is up; asked before the next program is started.
    once_ready : callable
        Called when it is up for the first time.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = ready_at_once
    once_ready: Callable[[], None] = nothing
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)
    _wait: float = field(default=FIRST_WAIT, init=False)
    _next: float | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it."""
        log.warning("starting %s", self.name)
        # without a terminal's signals, and told by the kernel when this process is killed
        command = ["setpriv", "--pdeathsig", "TERM", "--", *self.command]
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._since, self._next = time.monotonic(), None

    def look(self) -> None:
        """Start it again if it died, after a wait that grows."""
        if self._process is None or self._process.poll() is None:
            return
        now = time.monotonic()
        if self._next is None:
            self._end_group(signal.SIGKILL)
            if now - self._since > STEADY:
                self._wait = FIRST_WAIT
            log.warning(
                "%s ended with code %s; again in %s s",
                self.name,
                self._process.returncode,
                self._wait,
            )
            self._next = now + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)
        elif now >= self._next:
            self.start()

    def stop(self) -> None:
        """Tell it to end, and end by force what is left of it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            log.warning("stopping %s", self.name)
            self._end_group(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._end_group(signal.SIGKILL)
        self._process.wait()

    def _end_group(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def supervise(programs: Sequence[Program], started: str = "") -> None:
    """Run programs until this process is told to end (SIGTERM, SIGINT), then stop them.

    They are stopped in the opposite order. Once all are started, `started` is said.

    Raises
    ------
    BadInput
        If the system has no way to tell programs that their parent died.
    """
    if shutil.which("setpriv") is None:
        raise BadInput(
            "setpriv is not installed", where="PATH", remedy="on Linux: apt install util-linux"
        )
    with _told_to_end() as end:
        try:
            for program in programs:
                program.start()
                _until_ready(program, programs, end)
            if started and not end.is_set():
                log.warning("%s", started)
            while not end.wait(LOOK):
                for program in programs:
                    program.look()
        finally:
            for program in reversed(programs):
                program.stop()


def _until_ready(program: Program, programs: Sequence[Program], end: threading.Event) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if program.ready():
            program.once_ready()
            return
        if end.wait(LOOK):
            return
        for each in programs:
            each.look()
    log.warning("%s is not ready after %.0f s; going on", program.name, START)


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    end = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        end.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
