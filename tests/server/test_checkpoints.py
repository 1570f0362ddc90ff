"""A coordinator may be killed at any moment: a later one goes on, and comes to the same end."""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import pytest

from grandrounds.throwaway import Throwaway
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import BadInput, GrandRoundsError, VersionSkew, WorkFailed
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import PHASES, SECOND_ATTEMPT, AdoptReport, ReplyBody
from grandrounds_protocol.schema import Rules
from grandrounds_server.checkpoints import Checkpoints
from grandrounds_server.database import NAME, Database
from grandrounds_server.office import digest_of
from grandrounds_server.outcome import result_digest
from grandrounds_server.rounds import Finished, Progress, Questions, run
from grandrounds_server.state import Plan
from grandrounds_server.steps import Answer
from tests import keys
from tests.server.test_rounds import SITES, report

PLAN = Plan("r", SITES, "0" * 64, Rules(rounds=2), keys.ROSTER)
PLACES = [
    (number, attempt, phase)
    for number in (1, 2)
    for attempt, phases in ((1, PHASES), (2, SECOND_ATTEMPT))
    for phase in phases
]
"""Every phase of a run in which one site makes a second attempt in each round."""


class Killed(BaseException):
    """The process is gone; nobody may catch it."""


@dataclass
class Sites:
    """Sites that answer each question once and keep the reply, as real ones do."""

    kept: MutableMapping[str, bytes] = field(default_factory=dict)
    worked: Counter[str] = field(default_factory=Counter)

    def answer(self, instruction: Instruction) -> Reply:
        heading = instruction.heading
        key = f"{heading.site}/{heading.round}/{heading.attempt}/{heading.phase}"
        asked = digest_of(instruction.to_bytes()).encode()
        if key not in self.kept:
            self.worked[key] += 1
            self.kept[key] = asked + self._work(instruction).to_bytes()
        assert self.kept[key].startswith(asked), "asked again in other words"
        return Reply.from_bytes(self.kept[key][len(asked) :])

    def _work(self, instruction: Instruction) -> Reply:
        said, parcels = report(instruction)
        heading = instruction.heading
        carries = heading.attempt == 1 and heading.phase in {"distill", "retrain", "review"}
        assert bool(instruction.parcels) or not carries, "payloads were lost on the way"
        if isinstance(said, AdoptReport) and heading.site == "a" and heading.attempt == 1:
            said = said.model_copy(update={"adopted": False, "reason": "no gain", "again": True})
        return Reply(ReplyBody(heading=heading, report=said), sealed(heading, parcels))


sealed = lru_cache(maxsize=None)(keys.sealed)
"""Who is killed where changes no envelope: each is sealed once for all tests."""
Die = Callable[[Instruction | Progress], None]


def live(asked: Instruction | Progress) -> None:
    """Go on."""


def drive(folder: Path, sites: Sites, die: Die = live, plan: Plan = PLAN) -> Finished:
    """Begin or resume, as a coordinator's process does; `die` is asked at every turn."""
    with closing(Database(folder)) as database:
        checkpoints = Checkpoints(database, folder)
        known = plan.run in [each.name for each in checkpoints.runs()]
        progress = checkpoints.resume(plan) if known else checkpoints.begin(plan)

        def ask(questions: Questions) -> Iterator[tuple[str, Answer]]:
            for site, instruction in questions:
                reply = sites.answer(Instruction.from_bytes(instruction.to_bytes()))
                yield site, reply
                die(instruction)

        def keep(reached: Progress) -> None:
            checkpoints.keep(reached)
            die(reached)

        finished = run(
            progress,
            ask,
            clock=lambda: 0.0,
            watch=lambda *_: None,
            open_spool=partial(checkpoints.spool, plan.run),
            keep=keep,
        )
        checkpoints.end(plan.run, "done", digest=result_digest(finished))
    return finished


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync nothing: a kill loses nothing that was written, and a power cut cannot be had here."""
    real = Database._begin_writing

    def begin(self: Database) -> None:
        real(self)
        assert self.rows("PRAGMA synchronous") == [(2,)]
        self.rows("PRAGMA synchronous = OFF")

    monkeypatch.setattr(Database, "_begin_writing", begin)
    monkeypatch.setattr("grandrounds_server.checkpoints.os.fsync", lambda _: None)


def after(place: tuple[int, int, str]) -> Die:
    def die(at: Instruction | Progress) -> None:
        if isinstance(at, Progress):
            record = at.state.record
            if (record.number, record.attempt, at.phase) == place:
                raise Killed

    return die


def amid(place: tuple[int, int, str]) -> Die:
    """Die when the first site of a phase has answered and its payloads are put aside."""

    def die(at: Instruction | Progress) -> None:
        if isinstance(at, Instruction):
            heading = at.heading
            if (heading.round, heading.attempt, heading.phase) == place:
                raise Killed

    return die


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    finished = drive(tmp_path_factory.mktemp("undisturbed"), Sites())
    reached = [(record.number, record.attempt) for record in finished.rounds]
    assert reached == [(1, 1), (1, 2), (2, 1), (2, 2)]
    return finished


@pytest.mark.parametrize("when", [after, amid])
@pytest.mark.parametrize("place", PLACES)
def test_a_run_killed_anywhere_goes_on_and_no_site_works_twice(
    tmp_path: Path, undisturbed: Finished, place: tuple[int, int, str], when: Callable[..., Die]
) -> None:
    sites = Sites()
    with pytest.raises(Killed):
        drive(tmp_path, sites, when(place))
    finished = drive(tmp_path, sites)
    assert result_digest(finished) == result_digest(undisturbed)
    assert set(sites.worked.values()) == {1}


def test_a_run_killed_after_every_answer_comes_to_its_end(
    tmp_path: Path, undisturbed: Finished
) -> None:
    sites, deaths = Sites(), 0
    while True:
        before = sites.worked.total()

        def die(at: Instruction | Progress, before: int = before) -> None:
            if isinstance(at, Instruction) and sites.worked.total() > before:
                raise Killed

        try:
            finished = drive(tmp_path, sites, die)
        except Killed:
            deaths += 1
            continue
        break
    assert deaths == len(sites.worked) > 30
    assert result_digest(finished) == result_digest(undisturbed)
    assert set(sites.worked.values()) == {1}


@pytest.mark.parametrize("place", [(1, 1, "distill"), (1, 2, "retrain"), (2, 1, "publish")])
@pytest.mark.parametrize("when", [after, amid])
def test_so_does_one_whose_process_ends_without_a_word(
    tmp_path: Path, undisturbed: Finished, place: tuple[int, int, str], when: Callable[..., Die]
) -> None:
    child = os.fork()
    if not child:  # nothing is closed, flushed or rolled back here
        try:
            drive(tmp_path, Sites(DirectoryStore(tmp_path / "sites")), when(place))
        except Killed:
            os._exit(9)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    sites = Sites(DirectoryStore(tmp_path / "sites"))
    before = set(sites.kept)
    finished = drive(tmp_path, sites)
    assert result_digest(finished) == result_digest(undisturbed)
    assert before
    assert not before & set(sites.worked)


def test_payloads_of_one_round_at_most_lie_there_and_none_when_it_is_done(tmp_path: Path) -> None:
    path, sizes = tmp_path / "r.parcels", []

    def measure(at: Instruction | Progress) -> None:
        if isinstance(at, Progress):
            sizes.append((at.state.record.number, path.stat().st_size))

    drive(tmp_path, Sites(), measure)
    first = max(size for number, size in sizes if number == 1)
    assert 0 < max(size for number, size in sizes if number == 2) <= first + 100
    assert not path.exists()
    assert {each.stat().st_mode & 0o777 for each in tmp_path.glob("runs.sqlite*")} == {0o600}


def test_the_digest_depends_on_what_sites_said_and_on_no_key_time_or_name(
    tmp_path: Path, undisturbed: Finished
) -> None:
    same = replace(undisturbed, plan=replace(PLAN, run="another"), seconds={"publish": 9.0})
    assert result_digest(same) == result_digest(undisturbed)
    first = undisturbed.rounds[0]
    fewer = replace(first, adopted={name: first.adopted[name] for name in ("a", "b")})
    other = replace(undisturbed, rounds=(fewer, *undisturbed.rounds[1:]))
    assert result_digest(other) != result_digest(undisturbed)
    (tmp_path / "again").mkdir()
    assert drive(tmp_path / "again", Sites()).rounds == undisturbed.rounds


def killed(folder: Path) -> Path:
    """Leave a run that was killed after its first distill."""
    with pytest.raises(Killed):
        drive(folder, Sites(), after((1, 1, "distill")))
    return folder / NAME


def refused(folder: Path, kind: type[GrandRoundsError], says: str, plan: Plan = PLAN) -> None:
    with pytest.raises(kind, match=says) as error:
        drive(folder, Sites(), plan=plan)
    assert "\n" not in error.value.problem
    assert error.value.remedy


OTHER = Throwaway.of("demo", keys.NAMES).roster


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (replace(PLAN, rules=Rules(rounds=3)), "another rounds"),
        (replace(PLAN, rules=Rules(rounds=2, seed=1)), "another seed"),
        (replace(PLAN, rules=Rules(rounds=2, recipe="paper")), "another recipe"),
        (replace(PLAN, sites=("a", "b")), "another list of sites"),
        (replace(PLAN, schema_digest="1" * 64), "another federation.toml"),
        (replace(PLAN, roster=OTHER), "another roster"),
    ],
)
def test_a_run_goes_on_as_what_it_was_begun_as_or_not_at_all(
    tmp_path: Path, plan: Plan, says: str
) -> None:
    killed(tmp_path)
    refused(tmp_path, BadInput, says, plan)
    assert drive(tmp_path, Sites()).rounds


def test_a_run_is_begun_once(tmp_path: Path) -> None:
    killed(tmp_path)
    with closing(Database(tmp_path)) as database:
        checkpoints = Checkpoints(database, tmp_path)
        with pytest.raises(BadInput, match="already"):
            checkpoints.begin(PLAN)
        with pytest.raises(BadInput, match="no run 'other'"):
            checkpoints.resume(replace(PLAN, run="other"))


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def settled(path: Path) -> Path:
    """Bring everything out of the write-ahead log into the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    return path


def test_a_database_cut_short_is_told_in_one_line(tmp_path: Path) -> None:
    path = settled(killed(tmp_path))
    os.truncate(path, path.stat().st_size // 2)
    refused(tmp_path, WorkFailed, "damaged")


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    overwrite(settled(killed(tmp_path)), 0, b"\x00" * 100)
    refused(tmp_path, WorkFailed, "damaged")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = (tmp_path / NAME).read_bytes()
    refused(tmp_path, WorkFailed, "another program")
    assert (tmp_path / NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("column", "table"), [("plan", "runs"), ("head", "runs"), ("record", "records")]
)
def test_a_changed_checkpoint_is_told_in_one_line(tmp_path: Path, column: str, table: str) -> None:
    path = killed(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        ((data,),) = connection.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchall()  # noqa: S608 (names of this test)
        changed = data.replace(b'"tree"', b'"true"').replace(b":1", b":2")
        connection.execute(f"UPDATE {table} SET {column} = ?", [changed])  # noqa: S608 (likewise)
    refused(tmp_path, WorkFailed, "damaged")


def test_a_database_of_another_release_is_refused_by_name(tmp_path: Path) -> None:
    with closing(sqlite3.connect(killed(tmp_path))) as connection:
        connection.execute("PRAGMA user_version = 2")
    refused(tmp_path, VersionSkew, "another release")


def test_payloads_that_are_gone_are_missed(tmp_path: Path) -> None:
    killed(tmp_path)
    os.truncate(tmp_path / "r.parcels", 10)
    refused(tmp_path, WorkFailed, "payloads of r are gone")


def test_a_disk_that_fills_while_a_checkpoint_is_written_stops_the_run_which_then_goes_on(
    tmp_path: Path, undisturbed: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites, real, kept = Sites(), Checkpoints.keep, []

    def filling(self: Checkpoints, progress: Progress) -> None:
        if progress.phase == "distill":
            self._database.rows("PRAGMA max_page_count = 1")  # no more than it has by now
        real(self, progress)
        kept.append(progress)

    monkeypatch.setattr(Checkpoints, "keep", filling)
    with pytest.raises(WorkFailed, match="full") as error:
        drive(tmp_path, sites)
    assert "--resume" in error.value.remedy
    monkeypatch.undo()
    with closing(Database(tmp_path, look=True)) as database:
        assert Checkpoints(database, tmp_path).progress("r") == kept[-1]
    assert result_digest(drive(tmp_path, sites)) == result_digest(undisturbed)
    assert set(sites.worked.values()) == {1}


def test_a_disk_that_refuses_to_sync_payloads_stops_the_run_before_its_state_is_written(
    tmp_path: Path, undisturbed: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = Sites()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grandrounds_server.checkpoints.os.fsync", full)
    with pytest.raises(WorkFailed, match="No space left"):
        drive(tmp_path, sites)
    monkeypatch.undo()
    with closing(Database(tmp_path, look=True)) as database:
        assert Checkpoints(database, tmp_path).progress("r").phase is None
    assert result_digest(drive(tmp_path, sites)) == result_digest(undisturbed)
    assert set(sites.worked.values()) == {1}


def test_a_database_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            Database(tmp_path)
    with pytest.raises(BadInput, match="no run was begun"):
        Database(tmp_path, look=True)
    drive(tmp_path, Sites())
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME]


def test_an_empty_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    refused(tmp_path, WorkFailed, "empty")


def test_whoever_looks_changes_nothing_and_sees_how_far_it_has_come(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run was begun"):
        Database(tmp_path, look=True)
    killed(tmp_path)
    with closing(Database(tmp_path, look=True)) as database:
        checkpoints = Checkpoints(database, tmp_path)
        assert checkpoints.progress("r").phase == "distill"
        assert [(each.name, each.status) for each in checkpoints.runs()] == [("r", "running")]
        with pytest.raises(WorkFailed):
            checkpoints.ask_to_stop("r")
