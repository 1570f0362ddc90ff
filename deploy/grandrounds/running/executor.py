"""What a SuperExec may start: our one app, in a process that has its imports done already.

Flower starts a new program for every message. Four seconds of imports each made up most of a
round, so each message gets a process forked from one that imported everything and has done
nothing else.
"""

import multiprocessing
import os
import select
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from typing import Any

from flwr.supercore.constant import TaskType
from flwr.supercore.superexec.executor import ExecutionSpec, LaunchResult

Run = Callable[[ExecutionSpec, Any], None]
"""Does a task; also given what was started beside it."""
Beside = Callable[[ForkServerContext], AbstractContextManager[Any]]
"""Starts what a task's process is to have beside it."""

MOST = 16
"""Processes under way, with those beside them: a coordinator may send messages without end."""


def alone(_context: ForkServerContext) -> AbstractContextManager[None]:
    """Start nothing beside a task."""
    return nullcontext()


class OnlyExecutor:
    """Flower's interface of an executor: takes tasks of one type, and refuses all others.

    Flower also knows agents, models and connectors, which a coordinator could ask a site for.

    Parameters
    ----------
    task : TaskType
    run : callable
        Does the task; a module's function.
    preload : list of str
        Modules that the process from which others are forked imports once.
    beside : callable
    """

    def __init__(
        self, task: TaskType, run: Run, preload: list[str], beside: Beside = alone
    ) -> None:
        self._task = task
        self._run = run
        self._beside = beside
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(preload)

    def prepare(self) -> None:
        """Start importing now: the first task need not wait for it."""
        forkserver.ensure_running()

    def get_eligible_capacity(
        self, supported_task_types: set[TaskType], **_: object
    ) -> tuple[set[TaskType], set[str]]:
        """Say which tasks to ask for: ours, and none while many are under way."""
        if len(multiprocessing.active_children()) >= MOST:
            return set(), set()
        return supported_task_types & {self._task}, set()

    def wait_for_capacity(self, task_type: TaskType | None = None, **_: object) -> None:
        """Return: nothing was asked for where there is no room."""

    def launch(self, spec: ExecutionSpec) -> LaunchResult:
        """Start a process for a task of our type."""
        if spec.task_type != self._task:
            return LaunchResult.failed(f"nothing but {self._task} runs here")
        with self._beside(self._context) as beside:
            arguments = (self._run, os.getpid(), spec, beside)
            self._context.Process(target=_tied, args=arguments, daemon=False).start()
        return LaunchResult.accepted()

    def reconcile(self) -> None:
        """Forget the processes that ended."""
        multiprocessing.active_children()

    def close(self) -> None:
        """Leave running tasks alone: whoever stops this program stops them too."""


def _tied(run: Run, executor: int, spec: ExecutionSpec, beside: Any) -> None:
    """Do a task for as long as the executor lives.

    Its supervisor may be killed, and the executor ends with it; who drives a run would go on
    asking a SuperLink that is gone, and hold the lock of who drives. Flower's own look after a
    parent raises SIGINT, which is ignored where the supervisor was started in the background.
    """
    with suppress(OSError):  # some sandboxes have no such call
        handle = os.pidfd_open(executor)
        threading.Thread(target=_end_after, args=(handle,), daemon=True).start()
    run(spec, beside)


def _end_after(handle: int) -> None:
    select.select([handle], [], [])
    os._exit(1)
