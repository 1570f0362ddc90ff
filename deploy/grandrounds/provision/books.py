"""What a site's own books say, without disturbing a process that writes them."""

from pathlib import Path

from grandrounds.provision import accepted, bundles
from grandrounds.provision.identity import ROSTER, open_ledger
from grandrounds.provision.site_folder import PRIVACY, STATE, STORE, read_settings
from grandrounds.running.lock import is_held
from grandrounds_client.ledger import AnsweredEntry, ReleasedEntry
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.record import Count, Record
from grandrounds_protocol.records import Phase
from grandrounds_protocol.times import Time


class Answered(Record):
    """The question answered last."""

    run: str
    round: Count
    phase: Phase
    failure: str
    """Name of the error, where that was the answer."""
    time: Time


class Books(Record):
    """How far a site has come."""

    site: str
    joined: bool
    roster_version: int | None
    running: bool
    answered: Answered | None
    runs: tuple[str, ...]
    """Those that its store holds something of; while it runs, those it answered."""
    spent: float
    budget: float


def read_books(folder: Path) -> Books:
    """Read how far a site has come.

    Raises
    ------
    BadInput, BadRoster, BadLedger, WorkFailed
    """
    settings, running = read_settings(folder), is_running(folder)
    pinned = accepted.is_pinned(folder / ROSTER)
    answers = _answers(folder)
    return Books(
        site=settings.name,
        joined=(folder / bundles.FILE).exists(),
        roster_version=accepted.read_trust(folder / ROSTER).current.version if pinned else None,
        running=running,
        answered=answers[-1] if answers else None,
        runs=tuple(dict.fromkeys(each.run for each in answers)) if running else _stored(folder),
        spent=spent_epsilon(folder),
        budget=settings.privacy.budget,
    )


def is_running(folder: Path) -> bool:
    """Whether a process works on a site's state now."""
    return is_held(folder / STATE)


def spent_epsilon(folder: Path) -> float:
    """Epsilon of all private releases of a site.

    Raises
    ------
    BadLedger, WorkFailed
    """
    if not (folder / PRIVACY).is_dir():
        return 0.0
    if is_running(folder):
        # its store is being written: the ledger says the same, one line a release
        events = (entry.what for entry in open_ledger(folder).entries())
        return max((each.spent for each in events if isinstance(each, ReleasedEntry)), default=0.0)
    from grandrounds_client.private import spent  # noqa: PLC0415 (heavy: who runs needs it not)

    return spent(DirectoryStore(folder / PRIVACY))


def _answers(folder: Path) -> list[Answered]:
    return [
        Answered(
            run=entry.what.run,
            round=entry.what.round,
            phase=entry.what.phase,
            failure=entry.what.failure,
            time=entry.time,
        )
        for entry in open_ledger(folder).entries()
        if isinstance(entry.what, AnsweredEntry)
    ]


def _stored(folder: Path) -> tuple[str, ...]:
    path = folder / STATE / STORE
    if not path.is_dir():
        return ()
    keys = (key.partition("/reply/") for key in DirectoryStore(path))
    return tuple(sorted({run for run, answered, _ in keys if answered}))
