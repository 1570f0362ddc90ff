"""The process for peers' models, forked beside each of the app's: its imports are done already.

An app's process lives for one message, and so does what runs peers' models for it. To start
that as a program of its own took two seconds of a core for each message. Forked from the
process that the app's are forked from, which has imported everything and seen nothing, it
takes a few hundredths.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass
from multiprocessing import reduction
from multiprocessing.context import ForkServerContext
from typing import Any

SERVE = "grandrounds_client.worker.serve"
"""The module to have imported by then."""


@dataclass(frozen=True)
class Ends:
    """Open files that travel to a process when it is started.

    Attributes
    ----------
    inlet, outlet, file : int
        Descriptors of the two pipes and of the shared memory.
    handle : int
        Descriptor of the other process, where there is one already.
    """

    inlet: int
    outlet: int
    file: int
    handle: int = -1

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the system copy the descriptors into the process that reads this."""
        return _arrived, tuple(reduction.DupFd(end) for end in astuple(self) if end >= 0)


@dataclass(frozen=True)
class Beside:
    """What an app's process gets to know of the one beside it: its number and the open files."""

    pid: int
    ends: Ends


@contextmanager
def forked(context: ForkServerContext) -> Iterator[Beside | None]:
    """Fork the process; what is given is to be handed to the app's process within the block.

    It ends by itself when the app's process has ended, and nobody writes to it any more. None
    is given where the system cannot say which process it is: then the app starts its own.
    """
    asked_here, asked_there = os.pipe()
    said_here, said_there = os.pipe()
    file = os.memfd_create("grandrounds")
    with ExitStack() as held:
        for end in (asked_there, said_here, file):
            held.callback(os.close, end)
        process = context.Process(
            target=serve, args=(Ends(asked_here, said_there, file),), daemon=False
        )
        process.start()
        os.close(asked_here)
        os.close(said_there)
        handle = _handle_of(process.pid)
        if process.pid is None or handle is None:
            yield None
            return
        held.callback(os.close, handle)
        yield Beside(process.pid, Ends(asked_there, said_here, file, handle))


def _handle_of(pid: int | None) -> int | None:
    """Return a descriptor of a process: unlike its number, it never becomes another's."""
    try:
        return None if pid is None else os.pidfd_open(pid)
    except OSError:  # some sandboxes have no such call
        return None


def serve(ends: Ends) -> None:
    """Run peers' models until nobody asks any more."""
    from grandrounds_client.worker import WorkerLimits  # noqa: PLC0415 (the executor needs it not)
    from grandrounds_client.worker.serve import main  # noqa: PLC0415 (likewise)
    from grandrounds_client.worker.started import environment  # noqa: PLC0415 (likewise)

    known = environment()
    os.environ.clear()
    os.environ.update(known)
    nothing = os.open(os.devnull, os.O_WRONLY)
    for end, number in ((ends.inlet, 0), (ends.outlet, 1), (nothing, 2)):
        os.dup2(end, number)
    _keep_open({0, 1, 2, ends.file})
    limits = WorkerLimits()
    main(limits.memory, limits.models, ends.file)


def _keep_open(needed: Collection[int]) -> None:
    """Close all other files: by the pipes that came with the fork its siblings could be ended."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (names are all we need)
        if int(name) not in needed:
            with suppress(OSError):  # the listing's own is closed already
                os.close(int(name))


def adopt(beside: Beside) -> None:
    """Let this process's peers' models run there."""
    from grandrounds_client.worker import shared_worker  # noqa: PLC0415 (likewise)
    from grandrounds_client.worker.started import Given  # noqa: PLC0415 (likewise)

    ends = beside.ends
    shared_worker().adopt(Given(beside.pid, ends.inlet, ends.outlet, ends.file, ends.handle))


def _arrived(*ends: Any) -> Ends:
    return Ends(*(end.detach() for end in ends))
