"""A worker's process as the site holds it: where to write, where to read, how to end it."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from typing import Protocol

from grandrounds_client.worker.limits import WorkerLimits
from grandrounds_client.worker.memory import new_file

SERVE = "grandrounds_client.worker.serve"
"""The module that the process runs."""
_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR")


class Started(Protocol):
    """A process that serves.

    Attributes
    ----------
    pid : int
    inlet, outlet : int
        Descriptors: what it reads is written to the first, what it says is read from the other.
    file : int
        Descriptor of the memory shared with it.
    """

    pid: int
    inlet: int
    outlet: int
    file: int

    def has_ended(self) -> bool:
        """Whether it is gone."""
        ...

    def end(self) -> None:
        """End it, wait until it is gone, and let go of all that was held with it."""
        ...


def environment() -> dict[str, str]:
    """Return what the process may know of its surroundings: no secret of the site's."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


class Spawned:
    """A program of its own: it takes two seconds to import what it needs.

    Parameters
    ----------
    limits : WorkerLimits
    """

    def __init__(self, limits: WorkerLimits) -> None:
        self.file = new_file()
        arguments = (limits.memory, limits.models, self.file)
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter, on our own module)
            [sys.executable, "-P", "-m", SERVE, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a peer's file may be quoted in what libraries print
            pass_fds=(self.file,),
            env=environment(),
            bufsize=0,
        )
        self.pid = self._process.pid
        self.inlet, self.outlet = _number(self._process.stdin), _number(self._process.stdout)

    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        os.close(self.file)


class Given:
    """A process that someone else started for us, and who reaps it.

    Parameters
    ----------
    pid, inlet, outlet, file : int
        As in `Started`; the descriptors are this object's from now on.
    handle : int
        Descriptor of the process itself (Linux's pidfd): its number may be another's by then.
    """

    def __init__(self, pid: int, inlet: int, outlet: int, file: int, handle: int) -> None:
        self.pid, self.inlet, self.outlet, self.file = pid, inlet, outlet, file
        self._handle = handle

    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._wait(0.0)

    def end(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self._wait(None)
        for descriptor in (self.inlet, self.outlet, self.file, self._handle):
            os.close(descriptor)

    def _wait(self, seconds: float | None) -> bool:
        return bool(select.select([self._handle], [], [], seconds)[0])


def _number(pipe: object) -> int:
    number: int = pipe.fileno()  # type: ignore[attr-defined]
    return number
