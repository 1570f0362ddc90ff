"""A coordinator's run over sites that keep their folders: killed, stopped, gone on with."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from grandrounds.coordinating import driving
from grandrounds.coordinating.driving import StopAsked
from grandrounds.coordinating.order import plan_of, read_order, write_order
from grandrounds.in_process import InProcessGrid, Written
from grandrounds.simulate import run_on
from grandrounds.site_on_disk import opened
from grandrounds_client.app import client_app
from grandrounds_client.ledger_file import LedgerFile
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import AlreadyRunning, BadInput, WorkFailed
from grandrounds_server.asking import What
from grandrounds_server.checkpoints import Checkpoints
from grandrounds_server.database import Database
from grandrounds_server.journal import Event, Journal
from grandrounds_server.outcome import result_digest
from tests.deploy.coordinating.world import SITES, HomeGrid, Killed, SiteKilled, World, make_world

Make = Callable[..., World]
PHASES = 8
"""Five of a round, and three of its second attempt, which this federation makes."""


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the same rows come to in one process, with other keys, and never broken off."""
    world = make_world(tmp_path_factory.mktemp("undisturbed"))
    world.order()
    sites = {name: opened.__wrapped__(place) for name, place in world.places.items()}
    plan = plan_of(world.coordinator, read_order(world.state))
    grid = InProcessGrid(client_app(lambda context: sites[str(context.node_config["site"])]), sites)
    finished = run_on(grid, plan, world.coordinator.office, lambda *_: None)
    assert len(finished.rounds) == 2
    return result_digest(finished)


def until_done(world: World) -> int:
    """Start the coordinator anew until it is not killed; return how often it was."""
    for killed in range(200):
        try:
            world.drive()
        except Killed:
            continue
        assert world.runs()[-1].status == "done"
        return killed
    raise AssertionError("no progress")


def nothing_was_done_twice(world: World) -> bool:
    entries = [entry for entry in world.answered() if not entry.failure]
    questions = [(entry.question, entry.phase) for entry in entries]
    return len(entries) > len(SITES) * 5 and set(Counter(questions).values()) == {1}


def test_a_run_comes_to_what_a_simulation_of_the_same_rows_does(world: World, digest: str) -> None:
    ended = world.run()
    assert (ended.status, ended.digest) == ("done", digest)
    assert nothing_was_done_twice(world)


def test_the_coordinator_is_killed_at_every_question(
    world: World, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()

    class Dying(HomeGrid):
        def answer(self, node: int, site: str, written: Written) -> Written:
            reply = super().answer(node, site, written)
            answered = len(list(world.answered()))
            if answered not in seen:  # this one was new: its site has worked, nobody heard
                seen.add(answered)
                raise Killed
            return reply

    monkeypatch.setattr("tests.deploy.coordinating.world.HomeGrid", Dying)
    world.order()
    assert until_done(world) == len(list(world.answered())) > len(SITES) * 5
    assert world.runs()[-1].digest == digest
    assert nothing_was_done_twice(world)


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_coordinator_is_killed_around_every_write_of_its_own(
    world: World, digest: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    died: Counter[str] = Counter()
    real: dict[str, Any] = {}

    def dying(name: str, of: Callable[..., str]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            place = f"{name} {of(*given)}"
            died[place] += 1
            if died[place] == 1 and when == "before":
                raise Killed
            result = real[name](*given, **named)
            if died[place] == 1:
                raise Killed
            return result

        return call

    places: dict[str, tuple[Any, Callable[..., str]]] = {
        "begin": (Checkpoints, lambda _, plan: plan.run),
        "keep": (Checkpoints, lambda _, at: f"{at.state.record.attempt} {at.phase}"),
        "end": (Checkpoints, lambda *_: ""),
        "write_outcome": (driving, lambda *_: ""),
        "write_order": (driving, lambda *_: ""),
    }
    for name, (owner, of) in places.items():
        real[name] = getattr(owner, name)
        monkeypatch.setattr(owner, name, dying(name, of))
    world.order()
    deaths = 0
    while True:
        try:
            world.drive()
        except Killed:
            deaths += 1
        known = world.runs()
        if known and known[-1].status == "done":
            break
        world.order(resume=bool(known))
    # begun and killed, the run goes on by --resume, and no order is written by itself
    assert deaths == PHASES + (4 if when == "before" else 3)
    assert (world.runs()[-1].status, world.runs()[-1].digest) == ("done", digest)
    assert nothing_was_done_twice(world)


def test_every_site_is_killed_around_every_write_of_every_question(
    world: World, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: set[tuple[str, str, int, str]] = set()
    asked = ["", ""]
    written = [0]

    class Dying(HomeGrid):
        def answer(self, node: int, site: str, message: Written) -> Written:
            asked[:] = [site, world.events()[-1].phase or ""]
            written[0] = 0
            return super().answer(node, site, message)

    def dying(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            written[0] += 1
            attempt = world.events()[-1].attempt
            site, phase = asked
            for when in ("before", "after"):
                place = (f"{site} {phase} {attempt}", owner.__name__, written[0], when)
                if when == "after":
                    real(*given, **named)
                if place not in died:
                    died.add(place)
                    raise SiteKilled

        monkeypatch.setattr(owner, name, call)

    dying(LedgerFile, "append")
    dying(DirectoryStore, "_write")
    monkeypatch.setattr("tests.deploy.coordinating.world.HomeGrid", Dying)
    world.order()
    world.drive()
    assert (world.runs()[-1].status, world.runs()[-1].digest) == ("done", digest)
    lost = [
        event for event in world.events() if (event.what, event.code) == ("failed", "SiteError")
    ]
    assert len(lost) == len(died) > 100
    # a ledger may say that an answer was made which then never left; no answer is kept twice
    for place in world.places.values():
        kept = [key for key in place.store if "/reply/" in key]
        assert len(kept) == len(set(kept)) >= 5


def test_a_second_coordinator_on_the_same_state_is_refused(world: World) -> None:
    world.order()
    with driving.driving(world.state), pytest.raises(AlreadyRunning, match="already"):
        world.drive()
    world.drive()
    assert world.runs()[-1].status == "done"


def test_who_only_looks_whether_somebody_drives_is_waited_for(world: World) -> None:
    world.order()
    release = threading.Event()

    def looking() -> None:
        with driving.driving(world.state):
            looked.set()
            release.wait(0.2)

    looked = threading.Event()
    thread = threading.Thread(target=looking)
    thread.start()
    looked.wait(5)
    world.drive()
    thread.join()
    assert world.runs()[-1].status == "done"


def stop_when(world: World, monkeypatch: pytest.MonkeyPatch, what: What, phase: str) -> None:
    """Let the operator ask for a stop when something happens in a phase, from outside."""
    real = Journal.write

    def write(self: Journal, event: Event) -> None:
        real(self, event)
        if (event.what, event.phase) == (what, phase):
            database = Database(world.state)
            Checkpoints(database, world.state).ask_to_stop("first")
            database.close()

    monkeypatch.setattr(Journal, "write", write)


@pytest.mark.parametrize(("what", "last"), [("kept", "distill"), ("asked", "publish")])
def test_a_run_asked_to_stop_stops_and_goes_on_later(
    world: World, digest: str, monkeypatch: pytest.MonkeyPatch, what: What, last: str
) -> None:
    class Silent(HomeGrid):
        """Whose sites are slow: what was asked is answered after the stop."""

        def pull_messages(self, message_ids: Any) -> Any:
            waits = what == "asked" and world.events()[-1].phase == "distill"
            return [] if waits else super().pull_messages(message_ids)

    stop_when(world, monkeypatch, what, "distill")
    world.order()
    world.drive(Silent(world.places))
    ended = world.runs()[-1]
    assert (ended.status, ended.reason) == ("stopped", "the operator asked for it")
    assert [event.phase for event in world.events() if event.what == "kept"][-1] == last
    monkeypatch.undo()
    monkeypatch.setattr(driving, "open_coordinator", lambda _: world.coordinator)
    world.order(resume=True)
    world.drive()
    assert (world.runs()[-1].status, world.runs()[-1].digest) == ("done", digest)
    assert nothing_was_done_twice(world)


def test_below_min_sites_a_run_stops_and_goes_on_when_they_are_back(
    world: World, digest: str
) -> None:
    class Alone(HomeGrid):
        @property
        def nodes(self) -> dict[str, int]:
            return {"north": super().nodes["north"]}

    order = world.order()
    write_order(world.state, order.model_copy(update={"phase_timeout": 0.3}))
    world.drive(Alone(world.places))
    ended = world.runs()[-1]
    assert ended.status == "stopped"
    assert ended.reason == "round 1 stopped at publish: 1 of at least 2 sites answered"
    assert "ended early" in (world.state / "runs/first/report.html").read_text()
    assert world.run(resume=True).digest == digest
    assert nothing_was_done_twice(world)


def test_a_name_is_used_once_and_a_run_that_is_done_is_done(world: World) -> None:
    assert world.run().status == "done"
    world.order()
    with pytest.raises(BadInput, match="already"):
        world.drive()
    world.order(resume=True)
    with pytest.raises(BadInput, match="is done"):
        world.drive()
    world.order(run="other", resume=True)
    with pytest.raises(BadInput, match="no run 'other'"):
        world.drive()
    assert [each.status for each in world.runs()] == ["done"]


def test_a_run_that_fails_says_why_and_nothing_that_an_exception_held(
    world: World, monkeypatch: pytest.MonkeyPatch, digest: str
) -> None:
    real = Checkpoints.keep

    def failing(self: Checkpoints, progress: Any) -> None:
        if progress.phase == "retrain":
            raise failure
        real(self, progress)

    monkeypatch.setattr(Checkpoints, "keep", failing)
    failure: Exception = WorkFailed("no space")
    world.order()
    with pytest.raises(WorkFailed):
        world.drive()
    assert (world.runs()[-1].status, world.runs()[-1].reason) == ("failed", "no space")
    failure = ValueError("74.813")
    world.order(resume=True)
    with pytest.raises(ValueError, match="813"):
        world.drive()
    assert "ValueError" in world.runs()[-1].reason
    assert "74.813" not in str(world.events()) + str(world.runs())
    monkeypatch.setattr(Checkpoints, "keep", real)
    world.order(resume=True)
    world.drive()
    assert (world.runs()[-1].status, world.runs()[-1].digest) == ("done", digest)


def test_a_run_of_another_roster_is_not_gone_on_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journal, "write", lambda *_: (_ for _ in ()).throw(StopAsked))
    world.order()
    with pytest.raises(StopAsked):
        world.drive()
    monkeypatch.undo()
    newer = world.coordinator.roster.model_copy(update={"version": 2})
    other = replace(world.coordinator, roster=newer)
    monkeypatch.setattr(driving, "open_coordinator", lambda _: other)
    with pytest.raises(BadInput, match="another roster"):
        world.drive()


@pytest.mark.parametrize("name", ["lock", "first.parcels", "runs.sqlite"])
def test_a_run_may_have_any_name(world: World, name: str) -> None:
    assert world.run(run=name).status == "done"
    assert (world.state / "runs" / name / "results.json").exists()


def test_results_and_report_hold_what_a_coordinator_is_told_and_no_more(world: World) -> None:
    ended = world.run()
    folder = world.state / "runs" / "first"
    results = json.loads((folder / "results.json").read_text())
    assert results["digest"] == ended.digest
    assert results["sites"]["north"]["rows"] in {50, 60, 70}
    assert results["sites"]["north"]["federation"]["after"]["n"] == 0
    assert results["privacy"]["released"] is None
    assert set(results["versions"]) == {"python", "grandrounds", "flwr"}
    page = (folder / "report.html").read_text()
    assert "What each site gained" in page
    for known_to_simulations in ("What the lessons say", "one machine", "held-out rows of all"):
        assert known_to_simulations not in page
