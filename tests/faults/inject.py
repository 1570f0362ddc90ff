"""Ways to do harm to a run."""

import os
import random
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from grandrounds.cli import run_command
from grandrounds.running.parts import CoordinatorPart, SitePart
from grandrounds_server.database import NAME
from tests.deploy.running.test_stack import (
    _check_edge,
    _check_foreign_code,
    _check_second_instance,
)
from tests.deploy.running.test_supervise import until
from tests.faults import forge
from tests.faults.processes import send
from tests.faults.stack import SITES, VICTIM, WELL, Stack
from tests.faults.suffer import LONGEST, Inject, Under

CUT = 20.0
"""Seconds without a site."""
STORM, BETWEEN = 10, 3.0
"""Kills in a storm, and the seconds from one to the next."""
SKEWED = Path(__file__).parent / "skewed"
"""Folder of what makes a Python's clock fast."""
FULL = 1
"""Bytes that a file may have where a disk is full."""


def kill_part(who: str, part: CoordinatorPart | SitePart) -> Inject:
    """Kill one program; whoever watches it starts it again."""

    def inject(stack: Stack, _run: Under) -> None:
        os.kill(stack.program(who, part), signal.SIGKILL)

    return inject


def kill_app(who: str) -> Inject:
    """Kill the process that drives the run, or works for it at a site: the next to be forked."""

    def inject(stack: Stack, _run: Under) -> None:
        until(partial(_killed, stack, who), 60, every=0.002)

    return inject


def _killed(stack: Stack, who: str) -> bool:
    for pid in stack.apps(who):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def kill_coordinator(stack: Stack, _run: Under) -> None:
    """Kill the whole host, and start it again."""
    stack.kill("coordinator")
    stack.start_coordinator()


def kill_site(stack: Stack, _run: Under) -> None:
    """Kill a whole site, and start it again."""
    stack.kill(VICTIM)
    stack.start(VICTIM)


def cut_off(stack: Stack, _run: Under) -> None:
    """Stop the one process of a site that sees the network, and let it go on later."""
    _hold([stack.program(VICTIM, SitePart.NODE)], CUT)


def slow(stack: Stack, run: Under) -> None:
    """Let a site's executor and app run a fifth of the time, until the run ends."""
    while stack.ended(run.name) is None:
        pids = [stack.program(VICTIM, SitePart.EXECUTOR), *stack.apps(VICTIM)]
        _hold(pids, 0.4)
        time.sleep(0.1)


def _hold(pids: list[int], seconds: float) -> None:
    send(pids, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        send(pids, signal.SIGCONT)


def storm(stack: Stack, run: Under) -> None:
    """Kill one program after the other, of any site or the coordinator's way to them."""
    rng = random.Random(run.phase)  # noqa: S311 (which process dies is no secret)
    whom: list[tuple[str, CoordinatorPart | SitePart]] = [
        ("coordinator", CoordinatorPart.LINK),
        ("coordinator", CoordinatorPart.EDGE),
        *((site, SitePart.EXECUTOR) for site in SITES),
    ]
    for who, part in rng.choices(whom, k=STORM):
        with suppress(LookupError):  # killed a moment ago, and not started again yet
            os.kill(stack.program(who, part), signal.SIGKILL)
        time.sleep(BETWEEN)


def kill_supervisor(stack: Stack, _run: Under) -> None:
    """Kill the one who watches only: what it watched must end by itself."""
    process = stack.started.pop("coordinator")
    process.kill()
    process.wait()
    until(lambda: not stack.strays(), WELL, every=0.5)
    stack.start_coordinator()


def skew_clock(seconds: int) -> Inject:
    """Start a site again with a clock so much fast, and with the right one after the run."""

    def inject(stack: Stack, run: Under) -> None:
        stack.kill(VICTIM)
        stack.start(VICTIM, SKEW=str(seconds), PYTHONPATH=str(SKEWED))
        until(lambda: stack.ended(run.name) is not None, LONGEST, every=0.2)
        kill_site(stack, run)

    return inject


def fill_disk_of_site(stack: Stack, run: Under) -> None:
    """Let no process of a site's app write to a file, until the run ends."""
    nursery = stack.nursery(VICTIM)
    before = resource.prlimit(nursery, resource.RLIMIT_FSIZE)
    resource.prlimit(nursery, resource.RLIMIT_FSIZE, (FULL, before[1]))  # those it forks have it
    try:
        until(lambda: stack.ended(run.name) is not None, LONGEST, every=0.2)
    finally:
        resource.prlimit(nursery, resource.RLIMIT_FSIZE, before)


def fill_disk_of_coordinator(stack: Stack, _run: Under) -> None:
    """Let the process that drives the run write to no file any more; the next one may."""
    for pid in stack.apps("coordinator"):
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL, hard))


def cut_database(stack: Stack, run: Under) -> None:
    """Kill the coordinator, cut its run database, see it refused, and bring the copy back."""
    stack.kill("coordinator")
    files = [stack.state / f"{NAME}{end}" for end in ("", "-wal", "-shm")]
    copies = {path: path.read_bytes() for path in files if path.exists()}
    for path in copies:
        path.unlink()
    whole = copies[files[0]]
    files[0].write_bytes(whole[: len(whole) // 2])
    stack.start_coordinator()
    try:
        folder = str(stack.world.coordinator)
        code = run_command(["coordinator", "run", folder, "--run", run.name, "--resume"])
        assert code in {1, 2, 3}, f"a cut database was taken: exit code {code}"
    finally:
        for path, data in copies.items():
            path.write_bytes(data)


def foreign_bundle(stack: Stack, run: Under) -> None:
    """Ship other code, as whoever reaches Control can."""
    _check_foreign_code(stack.world, stack.root / f"ran-{run.number}")


def through_the_edge(stack: Stack, _run: Under) -> None:
    """Reach for Control and Runtime from the world."""
    _check_edge(stack.world)


def second_instance(stack: Stack, _run: Under) -> None:
    """Start a coordinator and a site where they run already."""
    _check_second_instance(stack.world)


def inject_instruction(stack: Stack, run: Under) -> None:
    """Have a registered node put a question, in the coordinator's name."""
    content = forge.signed_by_attacker(stack, "instruction")
    forge.push(stack, forge.instruction(stack, run.number, run.phase, content))


def forge_reply(stack: Stack, run: Under) -> None:
    """Have a registered node answer another site's question before that site does."""
    held = [stack.program(VICTIM, SitePart.NODE), *stack.apps(VICTIM)]
    send(held, signal.SIGSTOP)
    try:
        content = forge.signed_by_attacker(stack, "reply")
        seeming = forge.instruction(stack, run.number, run.phase, content)
        question = forge.question_to_victim(stack, run.number, run.phase)
        forge.push(stack, forge.reply(question, seeming, content))
        until(lambda: any(each.what == "failed" for each in stack.events(run.name)), 60)
    finally:
        send(held, signal.SIGCONT)


KILLS: dict[str, Callable[[], Inject]] = {
    "ServerApp process": lambda: kill_app("coordinator"),
    "coordinator's executor": lambda: kill_part("coordinator", CoordinatorPart.EXECUTOR),
    "SuperLink": lambda: kill_part("coordinator", CoordinatorPart.LINK),
    "edge": lambda: kill_part("coordinator", CoordinatorPart.EDGE),
    "coordinator's whole host": lambda: kill_coordinator,
    "SuperNode": lambda: kill_part(VICTIM, SitePart.NODE),
    "site's executor": lambda: kill_part(VICTIM, SitePart.EXECUTOR),
    "site's app process": lambda: kill_app(VICTIM),
    "whole site": lambda: kill_site,
}
