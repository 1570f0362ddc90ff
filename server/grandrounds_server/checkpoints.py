"""What outlives the coordinator's process: after each phase, all that is needed to go on.

The state of a run lies in the database. The sealed payloads that are on their way lie in one
file beside it, and are on the disk before the state that speaks of them. What stands behind
the length that the state knows of came from a phase that was never finished, and is cut off.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from pydantic import TypeAdapter

from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.records import Phase
from grandrounds_server.database import Database, pack
from grandrounds_server.rounds import Progress
from grandrounds_server.routing import SpooledParcel, by_recipient
from grandrounds_server.spool import Spool, SpoolFile, disk_errors
from grandrounds_server.state import Plan, Record, RunState, begin

Status = Literal["running", "stopped", "failed", "done"]
"""`running` may also mean that the process which ran it was killed."""


@dataclass(frozen=True)
class Run:
    """One line of the list of runs."""

    name: str
    status: Status
    reason: str
    digest: str
    stop: bool
    """Whether somebody asked for it to stop."""


@dataclass(frozen=True)
class _Head:
    """A progress without its plan and records, which have rows of their own."""

    records: int
    phase: Phase | None
    seconds: dict[Phase, float]
    parcels: tuple[SpooledParcel, ...]
    spooled: int
    """Bytes of the payload file that the parcels lie in."""


_PLAN, _RECORD, _HEAD = TypeAdapter(Plan), TypeAdapter(Record), TypeAdapter(_Head)
_ROOM = "free space there; what was kept before holds, and --resume goes on from there"


class Checkpoints:
    """Runs by name.

    Parameters
    ----------
    database : Database
    folder : Path
        Holds, while a run is under way, the payloads of its round.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._file: IO[bytes] | None = None

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        found = self._database.rows("SELECT name, status, reason, digest, stop FROM runs")
        return [
            Run(name, status, reason, digest, bool(stop))
            for name, status, reason, digest, stop in found
        ]

    def plan(self, name: str) -> Plan:
        """Return what a run is.

        Raises
        ------
        BadInput
            If there is no such run.
        WorkFailed
            If it is damaged.
        """
        found = self._database.rows("SELECT plan FROM runs WHERE name = ?", name)
        if not found:
            raise BadInput(
                f"there is no run {name!r}",
                where=str(self._database.path),
                remedy="grandrounds coordinator status lists them",
            )
        return self._database.unpack(_PLAN, found[0][0], f"the plan of {name}")

    def begin(self, plan: Plan) -> Progress:
        """Write down a new run.

        Raises
        ------
        BadInput
            If there is one of this name.
        """
        with self._database.change() as change:
            done = change(
                "INSERT OR IGNORE INTO runs (name, plan, status) VALUES (?, ?, 'running')",
                plan.run,
                pack(_PLAN, plan),
            )
        if not done:
            raise BadInput(
                f"there is a run {plan.run!r} already",
                where=str(self._database.path),
                remedy="--resume goes on with it, --run names another",
            )
        return Progress(begin(plan))

    def resume(self, plan: Plan) -> Progress:
        """Return how far a run has come.

        Raises
        ------
        BadInput
            If there is no such run, or it is another than this plan, naming what differs.
        """
        self.check_same(plan)
        progress = self.progress(plan.run)
        self._set(plan.run, "running")
        return progress

    def check_same(self, plan: Plan) -> None:
        """Check that a run was begun as this plan is.

        Raises
        ------
        BadInput
            If there is no such run, or it is another, naming what differs.
        """
        for what, before, now in _parts(self.plan(plan.run), plan):
            if before != now:
                raise BadInput(
                    f"run {plan.run!r} was begun with another {what}",
                    where=str(self._database.path),
                    remedy="grandrounds coordinator run DIR --rounds N begins a new run; report "
                    "shows what this one came to",
                )

    def progress(self, name: str) -> Progress:
        """Return how far a run has come, without going on.

        Raises
        ------
        BadInput, WorkFailed
        """
        plan = self.plan(name)
        ((data,),) = self._database.rows("SELECT head FROM runs WHERE name = ?", name)
        if data is None:
            return Progress(begin(plan))
        head = self._head(name, data)
        *history, record = self._records(name, head.records)
        state = RunState(plan, record, by_recipient(head.parcels), tuple(history))
        return Progress(state, head.phase, head.seconds)

    def keep(self, progress: Progress) -> None:
        """Keep a run after a phase; when this returns, it outlives a kill and a power cut.

        Raises
        ------
        WorkFailed
            If there is no room. What was kept before still holds.
        """
        state, spooled = progress.state, 0
        parcels = tuple(_each_once(state))
        if parcels and self._file is not None:
            spooled = self._synced(self._file)
        place, name = len(state.history) + 1, state.plan.run
        head = _Head(place, progress.phase, progress.seconds, parcels, spooled)
        with self._database.change() as change:
            change(
                "INSERT OR REPLACE INTO records (run, place, record) VALUES (?, ?, ?)",
                name,
                place,
                pack(_RECORD, state.record),
            )
            change("UPDATE runs SET head = ? WHERE name = ?", pack(_HEAD, head), name)

    def end(self, name: str, status: Status, reason: str = "", digest: str = "") -> None:
        """Say how a run ended; the payloads of one that is done are gone."""
        self._set(name, status, reason, digest)
        if status == "done":
            self._payloads(name).unlink(missing_ok=True)

    def ask_to_stop(self, name: str) -> None:
        """Let the process that runs it stop when it next looks.

        Raises
        ------
        BadInput
            If it is not under way.
        """
        with self._database.change() as change:
            done = change("UPDATE runs SET stop = 1 WHERE name = ? AND status = 'running'", name)
        if not done:
            raise BadInput(f"run {name!r} is not under way", where=str(self._database.path))

    def asked_to_stop(self, name: str) -> bool:
        """Whether somebody asked for it."""
        return bool(self._database.rows("SELECT 1 FROM runs WHERE name = ? AND stop = 1", name))

    @contextmanager
    def spool(self, name: str) -> Iterator[Spool]:
        """Open the payloads of a run's round: those that its last kept phase left, and no more.

        Raises
        ------
        WorkFailed
            If there is no room; or if some of them are gone.
        """
        ((data,),) = self._database.rows("SELECT head FROM runs WHERE name = ?", name)
        length = 0 if data is None else self._head(name, data).spooled
        path = self._payloads(name)
        with disk_errors(str(path), _ROOM):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "r+b") as file:
            if os.fstat(file.fileno()).st_size < length:
                raise self._database.damaged(f"payloads of {name} are gone")
            file.truncate(length)
            self._file = file
            try:
                yield SpoolFile(file, str(self._folder), _ROOM)
            finally:
                self._file = None

    def _synced(self, file: IO[bytes]) -> int:
        with disk_errors(str(self._folder), _ROOM):
            file.flush()
            os.fsync(file.fileno())
            _sync(self._folder)
            return file.seek(0, os.SEEK_END)

    def _payloads(self, name: str) -> Path:
        return self._folder / f"{name}.parcels"

    def _head(self, name: str, data: object) -> _Head:
        return self._database.unpack(_HEAD, data, f"how far {name} has come")

    def _records(self, name: str, count: int) -> list[Record]:
        found = self._database.rows(
            "SELECT record FROM records WHERE run = ? AND place <= ? ORDER BY place", name, count
        )
        if len(found) != count:
            raise self._database.damaged(f"a round of {name} is gone")
        return [self._database.unpack(_RECORD, data, f"a round of {name}") for (data,) in found]

    def _set(self, name: str, status: Status, reason: str = "", digest: str = "") -> None:
        with self._database.change() as change:
            change(
                "UPDATE runs SET status = ?, reason = ?, digest = ?, stop = 0 WHERE name = ?",
                status,
                reason,
                digest,
                name,
            )


def _each_once(state: RunState) -> Iterator[SpooledParcel]:
    """Parcels on their way, in the order of their senders: each lies in many heaps."""
    found = {id(parcel): parcel for heap in state.parcels.values() for parcel in heap}
    order = {site: place for place, site in enumerate(state.plan.sites)}
    yield from sorted(found.values(), key=lambda parcel: order[parcel.sender])


def _parts(kept: Plan, plan: Plan) -> Iterator[tuple[str, object, object]]:
    """What a run is, part by part, as it was begun and as it is wanted now."""
    versions = f"version {kept.roster.version} then, version {plan.roster.version} now"
    yield f"roster ({versions})", kept.roster.fingerprint, plan.roster.fingerprint
    yield "list of sites", kept.sites, plan.sites
    yield "federation.toml (features or classes)", kept.schema_digest, plan.schema_digest
    now = plan.rules.model_dump()
    for rule, before in kept.rules.model_dump().items():
        yield rule, before, now[rule]


def _sync(folder: Path) -> None:
    """Make a new file's name outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
