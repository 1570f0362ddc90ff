"""What a process took: processor time and memory, with the process its peers' models run in."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

from grandrounds_client.worker import shared_worker

_PROCESSES = Path("/proc")


def cpu_seconds() -> float:
    """Return the processor time of this process and of its worker so far."""
    return process_time() + _of_worker(_cpu_seconds)


def peak_memory() -> int:
    """Return the most bytes of memory that this process ever held, and its worker."""
    status = _PROCESSES / "self" / "status"
    if status.exists():
        # not ru_maxrss: Linux hands a process that of whoever started it
        return _peak(status) + int(_of_worker(lambda folder: _peak(folder / "status")))
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _of_worker(ask: Callable[[Path], float]) -> float:
    pid = shared_worker().pid
    folder = _PROCESSES / str(pid)
    return ask(folder) if pid is not None and folder.exists() else 0.0


def _cpu_seconds(folder: Path) -> float:
    # the name may hold blanks and brackets; of what follows it, user and system time
    fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(status: Path) -> int:
    lines = status.read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
