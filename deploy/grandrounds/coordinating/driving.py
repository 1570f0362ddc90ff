"""Begins a run or goes on with it. Whatever ends this process, another goes on from there."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from flwr.serverapp import Grid

from grandrounds.coordinating.order import DRIVER, RUNS, Order, plan_of, read_order, write_order
from grandrounds.coordinating.results import write_outcome
from grandrounds.provision.coordinator_folder import Coordinator, open_coordinator
from grandrounds.running.lock import only_one
from grandrounds_protocol.errors import AlreadyRunning, BadInput, GrandRoundsError
from grandrounds_protocol.records import Heading, Phase
from grandrounds_server.app import FindNodes, Guarded, GuardedPost, Hellos, Nodes
from grandrounds_server.asking import ASKING_AGAIN, Asking, Patience, Post, What
from grandrounds_server.checkpoints import Checkpoints, Status
from grandrounds_server.database import Database
from grandrounds_server.journal import Event, Journal
from grandrounds_server.outcome import result_digest
from grandrounds_server.rounds import Ask, Finished, Progress, run

_TRIES = 20
_BETWEEN = 0.05


class StopAsked(Exception):
    """The operator asked for the run to stop."""


def drive(
    folder: Path,
    grid: Grid,
    *,
    find_nodes: FindNodes | None = None,
    patience: Patience = ASKING_AGAIN,
) -> None:
    """Run what was ordered, over Flower's grid, and write down what came of it.

    Parameters
    ----------
    folder : Path
        The coordinator's.
    grid : Grid
    find_nodes : callable, optional
        Which node is which site now; by the sites' signed hello where left out.
    patience : Patience
        Its time for a phase is the order's.

    Raises
    ------
    AlreadyRunning
        If another process drives a run here.
    BadInput, BadBundle, BadRoster, OpenToOthers
        If the folder, the order or the run cannot be used.
    WorkFailed
        If what must be kept cannot be: then the run stops, and can go on later.
    """
    coordinator = open_coordinator(folder)
    nodes: Nodes = Hellos(grid, coordinator.office, Guarded(grid)).look
    if find_nodes is not None:
        nodes = partial(find_nodes, grid)
    with driving(coordinator.state), closing(Database(coordinator.state)) as database:
        order = read_order(coordinator.state)
        _Drive(coordinator, order, database).go(GuardedPost(grid, nodes), patience)


@contextmanager
def driving(state: Path) -> Iterator[None]:
    """Be the only one that drives a run here.

    Raises
    ------
    AlreadyRunning
    """
    for left in reversed(range(_TRIES)):
        with ExitStack() as stack:
            try:
                stack.enter_context(only_one(state / DRIVER))
            except AlreadyRunning:
                # who only asks whether somebody drives holds the lock for a moment
                if not left:
                    raise
                time.sleep(_BETWEEN)
                continue
            yield
            return


class _Drive:
    """One process's part of a run."""

    def __init__(self, coordinator: Coordinator, order: Order, database: Database) -> None:
        self._coordinator = coordinator
        self._order = order
        self._plan = plan_of(coordinator, order)
        self._runs = Checkpoints(database, coordinator.state / DRIVER)
        self._journal = Journal(database, order.run, time.time)
        self._bytes = Counter[str]()
        self._since = 0.0

    def go(self, post: Post, patience: Patience) -> None:
        """Begin or go on, to the end, and say how it ended."""
        progress = self._open()
        asking = Asking(
            post,
            self._coordinator.office,
            replace(patience, phase=self._order.phase_timeout, away=self._order.away_timeout),
            meter=self._meter,
            note=self._note,
            pause=self._pause,
        )
        try:
            self._finish(self._run(progress, asking))
        except StopAsked:
            self._end("stopped", "the operator asked for it")
        except GrandRoundsError as error:
            self._end("failed", error.problem)
            raise
        except Exception as error:
            # its text may be anybody's
            self._end("failed", f"this should not have happened ({type(error).__name__})")
            raise

    def _open(self) -> Progress:
        """Find out how far the run has come; from now on going on is what the order says."""
        if not self._order.resume:
            progress = self._runs.begin(self._plan)
            resumed = self._order.model_copy(update={"resume": True})
            write_order(self._coordinator.state, resumed)
            self._journal.write(Event(what="begun"))
            return progress
        if any(each.name == self._plan.run and each.status == "done" for each in self._runs.runs()):
            raise BadInput(
                f"run {self._plan.run!r} is done",
                where=str(self._coordinator.state),
                remedy="grandrounds coordinator report shows it; --run names a new one",
            )
        progress = self._runs.resume(self._plan)
        self._journal.write(Event(what="resumed"))
        return progress

    def _run(self, progress: Progress, ask: Ask) -> Finished:
        return run(
            progress,
            ask,
            clock=time.perf_counter,
            watch=self._watch,
            open_spool=partial(self._runs.spool, self._plan.run),
            keep=self._keep,
        )

    def _finish(self, finished: Finished) -> None:
        digest = result_digest(finished)
        folder = self._coordinator.state / RUNS / self._plan.run
        write_outcome(folder, self._coordinator.federation, finished)
        self._end("stopped" if finished.stopped else "done", finished.stopped, digest)

    def _end(self, status: Status, reason: str = "", digest: str = "") -> None:
        self._runs.end(self._plan.run, status, reason, digest)
        self._journal.write(Event(what="ended", code=status, reason=reason))

    def _watch(self, number: int, attempt: int, phase: Phase) -> None:
        self._check_stop()
        self._bytes.clear()
        self._since = time.perf_counter()
        self._journal.write(Event(what="phase", round=number, attempt=attempt, phase=phase))

    def _keep(self, progress: Progress) -> None:
        self._runs.keep(progress)
        record = progress.state.record
        self._journal.write(
            Event(
                what="kept",
                round=record.number,
                attempt=record.attempt,
                phase=progress.phase,
                sent=self._bytes["sent"],
                received=self._bytes["received"],
                seconds=round(time.perf_counter() - self._since, 3),
            )
        )

    def _meter(self, phase: Phase, sent: int, received: int) -> None:  # noqa: ARG002 (one at a time)
        self._bytes.update(sent=sent, received=received)

    def _note(self, heading: Heading, what: What, code: str) -> None:
        self._journal.write(
            Event(
                what=what,
                round=heading.round,
                attempt=heading.attempt,
                phase=heading.phase,
                site=heading.site,
                code=code,
            )
        )

    def _pause(self, seconds: float) -> None:
        self._check_stop()
        time.sleep(seconds)

    def _check_stop(self) -> None:
        if self._runs.asked_to_stop(self._plan.run):
            raise StopAsked
