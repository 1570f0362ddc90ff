"""Flower's grid on one machine with its sites in a few processes: the same apps and results.

Each process answers one question at a time. Sites are opened from disk where they are asked
and keep what they know in a temporary folder that all processes share.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TypeVar

from flwr.app import Message

from grandrounds.in_process import LocalGrid, Written, crashed, deliver, read, write
from grandrounds.simulate import Simulation, run_on
from grandrounds.site_on_disk import SiteOnDisk, opened
from grandrounds.threads import one_thread
from grandrounds_client.app import client_app
from grandrounds_server.rounds import Finished, Watch
from grandrounds_server.state import Plan

R = TypeVar("R")

AHEAD = 2
"""Questions under way per process, so that none waits for the next; more would fill memory."""


def on_workers(simulation: Simulation, plan: Plan, watch: Watch, *, jobs: int) -> Finished:
    """Run a plan with its sites in `jobs` processes; each store holds afterwards what it kept."""
    with TemporaryDirectory(prefix="grandrounds-") as shared:
        sites = simulation.on_disk(Path(shared).resolve())
        with worker_grid(sites, jobs) as grid:
            finished = run_on(grid, plan, simulation.keys.office, watch)
        for name, site in zip(plan.sites, sites, strict=True):
            site.keep(simulation.sites[name])
    return finished


@contextmanager
def worker_grid(sites: Iterable[SiteOnDisk], jobs: int) -> Iterator["WorkerGrid"]:
    """Start the processes and end them; on the way out, questions not yet begun are dropped."""
    workers = [_Worker() for _ in range(jobs)]
    threads = ThreadPoolExecutor(jobs)
    try:
        wait_for([threads.submit(worker.call, _ready) for worker in workers])
        yield WorkerGrid({site.settings.name: site for site in sites}, workers, threads)
    finally:
        threads.shutdown(cancel_futures=True)
        for worker in workers:
            worker.end()


class WorkerGrid(LocalGrid):
    """Gives each message to the next free process; pushing waits while enough are under way."""

    def __init__(
        self, sites: dict[str, SiteOnDisk], workers: list["_Worker"], threads: ThreadPoolExecutor
    ) -> None:
        super().__init__(sites)
        self._on_disk = sites
        self._threads = threads
        self._most = AHEAD * len(workers)
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._asked: dict[str, tuple[int, Written, Future[Written]]] = {}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send each message on as soon as there is room for it."""
        return [self._send(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Take those replies to these messages that are there."""
        return [
            self._reply(*self._asked.pop(name))
            for name in message_ids
            if name in self._asked and self._asked[name][2].done()
        ]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push, wait, and pull what is there."""
        names = list(self.push_messages(messages))
        wait_for([self._asked[name][2] for name in names], timeout)
        return self.pull_messages(names)

    def in_each(self, function: Callable[[], R]) -> list[R]:
        """Call a function once in every process, while no question is under way."""
        workers = [self._free.get() for _ in range(self._free.qsize())]
        found = [worker.call(function) for worker in workers]
        for worker in workers:
            self._free.put(worker)
        return found

    def _send(self, message: Message) -> str:
        running = [future for _, _, future in self._asked.values() if not future.done()]
        if len(running) >= self._most:
            wait_for(running, return_when=FIRST_COMPLETED)
        node, written = message.metadata.dst_node_id, write(message)
        answer = self._threads.submit(self._ask, node, written)
        self._asked[written.name] = node, written, answer
        return written.name

    def _ask(self, node: int, written: Written) -> Written:
        worker = self._free.get()
        try:
            return worker.ask(self._on_disk[self._sites[node]], node, written)
        finally:
            self._free.put(worker)

    def _reply(self, node: int, written: Written, answer: Future[Written]) -> Message:
        try:
            return read(answer.result())
        except BrokenProcessPool:
            return crashed(node, written)


class _Worker:
    """One process that answers one question at a time, and is replaced when it dies."""

    def __init__(self) -> None:
        self._process = _process()

    def ask(self, site: SiteOnDisk, node: int, written: Written) -> Written:
        try:
            return self._process.submit(_answer, site, node, written).result()
        except BrokenProcessPool:
            self.end()
            self._process = _process()
            raise

    def call(self, function: Callable[[], R]) -> R:
        return self._process.submit(function).result()

    def end(self) -> None:
        self._process.shutdown()


def _process() -> ProcessPoolExecutor:
    # spawned: a fork would copy the locks that torch and onnxruntime hold in this process
    return ProcessPoolExecutor(1, get_context("spawn"))


def _ready() -> None:
    """Do nothing: to find this function, a process has imported all that it needs."""


def _answer(site: SiteOnDisk, node: int, written: Written) -> Written:
    with one_thread():
        return deliver(client_app(lambda _: opened(site)), node, site.settings.name, written)
