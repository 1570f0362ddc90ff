"""A run as it goes on in another process: its journal, line by line, until it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from grandrounds.coordinating.order import DRIVER
from grandrounds.running.lock import is_held
from grandrounds_protocol.errors import BadInput
from grandrounds_server.checkpoints import Checkpoints, Run
from grandrounds_server.database import NAME, Database
from grandrounds_server.journal import Journal, Line
from grandrounds_server.state import Plan

LOOK = 0.3
"""Seconds between two looks."""
Gone = Callable[[], bool]
"""Whether no process is at work on the run any more, nor will be."""


@dataclass(frozen=True)
class Kept:
    """What the database says of one run.

    Attributes
    ----------
    run : Run
    plan : Plan
    lines : list of Line
        Of its journal.
    """

    run: Run
    plan: Plan
    lines: list[Line]


def is_driven(state: Path) -> bool:
    """Whether a process drives a run here now."""
    return (state / DRIVER).exists() and is_held(state / DRIVER)


def runs(state: Path) -> list[Run]:
    """All runs, the oldest first; none where none was ever begun.

    Raises
    ------
    VersionSkew, WorkFailed
    """
    if not (state / NAME).exists():
        return []
    with closing(Database(state, look=True)) as database:
        return Checkpoints(database, state / DRIVER).runs()


def kept(state: Path, name: str, after: int = 0) -> Kept:
    """Return one run, with the lines of its journal behind a number.

    Raises
    ------
    BadInput
        If there is no such run.
    VersionSkew, WorkFailed
    """
    with closing(Database(state, look=True)) as database:
        known = Checkpoints(database, state / DRIVER)
        plan = known.plan(name)
        run = next(each for each in known.runs() if each.name == name)
        return Kept(run, plan, Journal(database, name, time.time).lines(after))


def newest(state: Path, name: str | None) -> Run:
    """Return the run of that name, or the newest.

    Raises
    ------
    BadInput
        If there is none.
    """
    found = [run for run in runs(state) if name in {None, run.name}]
    if not found:
        raise BadInput(
            "no run was begun here" if name is None else f"there is no run {name!r}",
            where=str(state),
            remedy="grandrounds coordinator run begins one, status lists them",
        )
    return found[-1]


def follow(state: Path, name: str, after: int, gone: Gone) -> Iterator[Line]:
    """Give the lines behind a number as they come, to the run's end or until all are gone."""
    while True:
        last_look = gone()  # before the lines, so that none is missed
        known = name in {run.name for run in runs(state)}
        for line in kept(state, name, after).lines if known else []:
            after = line.number
            yield line
            if line.event.what == "ended":
                return
        if last_look:
            return
        time.sleep(LOOK)
