"""What every process and folder of a federation takes now, as /proc and the disk show it.

Needs root: Flower keeps others from looking into its processes.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tests.faults.processes import children, command_of
from tests.faults.stack import Stack

_ROLES = {
    " superlink ": "link",
    " supernode ": "node",
    " superexec-": "executor",
    "nginx": "edge",
    "resource_tracker": "tracker",
    "forkserver": "forkserver",
}
"""What in a command line tells a process's part."""
_TICKS = os.sysconf("SC_CLK_TCK")
_FOLDERS = {
    "coordinator": {
        "link's database": "state/link",
        "run database": "state/runs.sqlite*",
        "spool": "state/driver",
        "results": "state/runs",
        "edge": "state/edge",
        "executor": "state/executor",
        "log": "../coordinator.log",
    },
    "site": {
        "store": "state/store",
        "ledger": "ledger*",
        "privacy": "privacy",
        "executor": "state/flwr",
        "node": "node/state",
        "log": "../../{who}.log",
    },
}
"""What is measured together, as patterns below the folder of a coordinator or site."""


@dataclass(frozen=True)
class Usage:
    """What the processes of one part take together.

    Attributes
    ----------
    resident : int
        Bytes of memory, shared pages and all.
    anonymous : int
        Bytes of memory that no file backs: what the process made itself.
    share : int
        Bytes of memory where a page that n processes share counts as an n-th.
    descriptors, threads, processes : int
    seconds : float
        Processor time since it began; of processes that ended, too, where others were forked.
    """

    resident: int = 0
    anonymous: int = 0
    share: int = 0
    descriptors: int = 0
    threads: int = 0
    processes: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)))


def processes(stack: Stack) -> dict[str, dict[str, float]]:
    """Return what each part takes, by `who/part`; parts of one process and of several alike."""
    found: defaultdict[str, Usage] = defaultdict(Usage)
    for who, supervisor in stack.started.items():
        for pid, part in _parts(supervisor.pid, "supervisor"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
                own, forked = _usage(pid)
                found[f"{who}/{part}"] += own
                if part == "forkserver":
                    found[f"{who}/app"] += Usage(seconds=forked)
    return {name: asdict(usage) for name, usage in found.items()}


def folders(stack: Stack) -> dict[str, dict[str, int]]:
    """Return bytes and number of files of each folder, by `who/folder`."""
    homes = {"coordinator": stack.world.coordinator, **stack.world.sites}
    return {
        f"{who}/{name}": _size(home, pattern.format(who=who))
        for who, home in homes.items()
        for name, pattern in _FOLDERS["coordinator" if who == "coordinator" else "site"].items()
    }


def _parts(pid: int, part: str) -> Iterator[tuple[int, str]]:
    """Give a process and all that come from it, each with what it is."""
    yield pid, part
    for child in children(pid):
        # what is forked from the fork server has its command line
        yield from _parts(child, "app" if part in {"forkserver", "app"} else _role(child))


def _role(pid: int) -> str:
    command = command_of(pid)
    return next((role for word, role in _ROLES.items() if word in command), "other")


def _usage(pid: int) -> tuple[Usage, float]:
    """Return what a process takes, and the processor time of its children that ended."""
    folder = Path(f"/proc/{pid}")
    # behind the name, which may hold anything
    numbers = (folder / "stat").read_text().rpartition(")")[2].split()
    own, ended = (sum(map(int, numbers[at : at + 2])) / _TICKS for at in (11, 13))
    memory = _kilobytes(folder / "smaps_rollup")
    usage = Usage(
        resident=memory["Rss"],
        anonymous=memory["Anonymous"],
        share=memory["Pss"],
        descriptors=sum(1 for _ in os.scandir(folder / "fd")),
        threads=int(numbers[17]),
        processes=1,
        seconds=own,
    )
    return usage, ended


def _kilobytes(path: Path) -> dict[str, int]:
    """Return bytes by name."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) << 10 for line in lines if line[-1] == "kB"}


def _size(home: Path, pattern: str) -> dict[str, int]:
    size = files = 0
    for top in home.glob(pattern):
        for path in [top, *top.rglob("*")]:
            with suppress(FileNotFoundError):  # likewise
                if path.is_file():
                    size, files = size + path.stat().st_size, files + 1
    return {"bytes": size, "files": files}
