"""What the operator types: run, status, stop, report, metrics."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from grandrounds.cli import run_command
from grandrounds.commands import coordinator_run
from grandrounds.coordinating import metrics
from grandrounds.coordinating.driving import driving
from grandrounds_protocol.errors import WorkFailed
from grandrounds_protocol.roster import Roster
from grandrounds_server.checkpoints import Checkpoints
from grandrounds_server.database import Database
from tests.deploy.coordinating.world import SITES, HomeGrid, Killed, World


@dataclass
class Control:
    """Flower, as far as the command line knows it: a thread that drives."""

    world: World
    grid: Callable[[dict[str, Any]], HomeGrid] = HomeGrid
    threads: list[threading.Thread] = field(default_factory=list)

    def submit(self, folder: Path) -> int:
        assert folder == self.world.coordinator.folder
        self.threads.append(threading.Thread(target=self._drive))
        self.threads[-1].start()
        return len(self.threads)

    def _drive(self) -> None:
        with suppress(Killed, WorkFailed):
            self.world.drive(self.grid(self.world.places))

    def ended(self, folder: Path, number: int) -> str | None:  # noqa: ARG002
        return None if self.threads[number - 1].is_alive() else "completed"


@pytest.fixture
def control(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    found = Control(world)
    monkeypatch.setattr(coordinator_run, "import_module", lambda _: found)
    monkeypatch.setattr(coordinator_run, "open_coordinator", lambda _: world.coordinator)
    monkeypatch.setattr("grandrounds.coordinating.follow.LOOK", 0.01)
    yield found
    Slow.free.set()
    for thread in found.threads:
        thread.join()


def typed(control: Control, *words: str) -> int:
    first, *rest = words
    return run_command(["coordinator", first, str(control.world.coordinator.folder), *rest])


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class DiesAtRetrain(HomeGrid):
    """Kills the coordinator, when the second site is asked to retrain."""

    def push_messages(self, messages: Any) -> Any:
        found = list(messages)
        if (
            found[0].metadata.message_type == "query.retrain"
            and self._sites[found[0].metadata.dst_node_id] == SITES[1]
        ):
            raise Killed
        return super().push_messages(found)


def test_a_run_is_followed_in_plain_lines_and_ends_with_its_digest(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(control, "run", "--rounds", "1") == 0
    said = capsys.readouterr()
    ended = control.world.runs()[-1]
    assert ended.name == "run-1"
    assert f"digest: {ended.digest}" in said.out
    told = said.err.splitlines()
    assert told[0] == "begun"
    assert told[1].startswith("round 1 of 1, publish")
    assert [f"  {site}: answered" in told for site in SITES] == [True] * 3
    assert typed(control, "status") == 0
    assert "run-1: done\nnext: grandrounds coordinator report" in capsys.readouterr().out


def test_a_killed_run_says_how_to_go_on_and_goes_on(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control.grid = DiesAtRetrain
    assert typed(control, "run", "--rounds", "1", "--seed", "3", "--run", "first") == 1
    said = capsys.readouterr()
    assert "first: killed" in said.err
    again = f"grandrounds coordinator run {control.world.coordinator.folder} --run first --resume"
    assert again in said.err
    assert typed(control, "status", "--json") == 0
    (one,) = lines(capsys.readouterr().out)
    assert (one["run"], one["status"]) == ("first", "killed")
    assert typed(control, "status") == 0
    shown = capsys.readouterr().out
    assert "first: killed" in shown
    assert "retrain" in shown
    assert again in shown
    assert typed(control, "report", "first", "--out", str(control.world.state / "half")) == 0
    page = (control.world.state / "half" / "report.html").read_text()
    assert "it has not ended yet" in page
    control.grid = HomeGrid
    capsys.readouterr()
    assert typed(control, "run", "--resume", "--json") == 0
    told = lines(capsys.readouterr().out)
    assert told[0]["what"] == "resumed"
    assert next(each["phase"] for each in told if each["what"] == "phase") == "retrain"
    assert [each["number"] for each in told[:-1]] == sorted(each["number"] for each in told[:-1])
    assert told[-1]["digest"] == control.world.runs()[-1].digest
    assert Path(told[-1]["results"]).exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run"], "--rounds"),
        (["run", "--resume"], "no run was begun here"),
        (["run", "--rounds", "0"], "--rounds"),
        (["run", "--rounds", "2000"], "rounds"),
        (["run", "--rounds", "1", "--run", "../x"], "run"),
        (["run", "--rounds", "1", "--phase-timeout", "0"], "phase_timeout"),
        (["run", "--rounds", "1", "--away-timeout", "0"], "away_timeout"),
        (["report"], "no run was begun here"),
        (["stop"], "no run is under way"),
    ],
)
def test_bad_usage_is_told_before_anything_begins(
    control: Control, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert typed(control, *words) == 2
    assert says in capsys.readouterr().err
    assert not control.threads
    assert not (control.world.state / "runs.sqlite").exists()


def test_a_run_with_too_few_sites_says_that_other_rules_may_be_the_cure(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    class Alone(HomeGrid):
        @property
        def nodes(self) -> dict[str, int]:
            return {"north": super().nodes["north"]}

    control.grid = Alone
    assert typed(control, "run", "--rounds", "1", "--phase-timeout", "0.3") == 1
    said = capsys.readouterr().err
    assert "1 of at least 2 sites answered" in said
    assert "--run run-1 --resume goes on with it" in said
    assert "other rules" in said


def test_a_run_that_went_on_without_a_hospital_names_it(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    class Without(HomeGrid):
        @property
        def nodes(self) -> dict[str, int]:
            return {name: node for name, node in super().nodes.items() if name != "west"}

    control.grid = Without
    said = "went on without west in at least one phase (NotConnected)"
    assert typed(control, "run", "--rounds", "1", "--away-timeout", "0.1") == 0
    told = capsys.readouterr()
    assert "  west: failed (NotConnected)" in told.err
    assert said in told.out
    assert "north" not in told.out
    assert typed(control, "status") == 0
    assert said in capsys.readouterr().out
    assert typed(control, "run", "--rounds", "1", "--away-timeout", "0.1", "--json") == 0
    assert lines(capsys.readouterr().out)[-1]["went_without"] == {"west": ["NotConnected"]}


def test_a_name_that_is_taken_and_other_rules_are_refused(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control.grid = DiesAtRetrain
    typed(control, "run", "--rounds", "1", "--run", "first")
    control.grid = HomeGrid
    capsys.readouterr()
    assert typed(control, "run", "--rounds", "1", "--run", "first") == 2
    assert "--resume goes on with it" in capsys.readouterr().err
    assert typed(control, "run", "--rounds", "2", "--resume") == 2
    assert "begun with rounds 1" in capsys.readouterr().err
    assert typed(control, "run", "--rounds", "1", "--resume") == 0
    capsys.readouterr()
    assert typed(control, "run", "--resume", "--run", "first") == 2
    assert "is done" in capsys.readouterr().err
    with driving(control.world.state):
        assert typed(control, "run", "--rounds", "1") == 2
    assert "under way" in capsys.readouterr().err


def test_a_run_whose_roster_was_replaced_is_told_so_before_anybody_drives_it(
    control: Control, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    control.grid = DiesAtRetrain
    typed(control, "run", "--rounds", "1")
    coordinator = control.world.coordinator
    roster = Roster.model_validate({**coordinator.roster.model_dump(), "version": 2})
    newer = replace(coordinator, roster=roster)
    monkeypatch.setattr(coordinator_run, "open_coordinator", lambda _: newer)
    capsys.readouterr()
    assert typed(control, "run", "--resume") == 2
    said = capsys.readouterr().err
    assert "begun with another roster (version 1 then, version 2 now)" in said
    assert "grandrounds coordinator run DIR --rounds N begins a new run" in said
    assert len(control.threads) == 1


class Slow(HomeGrid):
    """Whose sites have no answer before somebody lets them."""

    free = threading.Event()

    def pull_messages(self, message_ids: Any) -> Any:
        return super().pull_messages(message_ids) if self.free.is_set() else []


def test_ctrl_c_leaves_the_run_going_and_stop_ends_it(
    control: Control, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    control.grid = Slow
    Slow.free.clear()

    def interrupted(*_: object, **__: object) -> None:
        while not control.world.state.joinpath("runs.sqlite").exists() or not control.world.runs():
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(coordinator_run, "_tell", interrupted)
    assert typed(control, "run", "--rounds", "1") == 130
    assert "run-1 goes on" in capsys.readouterr().err
    assert typed(control, "status", "--json") == 0
    assert lines(capsys.readouterr().out)[0]["status"] == "running"
    assert typed(control, "stop") == 0
    assert "--resume" in capsys.readouterr().out
    control.threads[0].join(10)
    assert control.world.runs()[-1].status == "stopped"
    assert typed(control, "stop") == 2


def test_of_two_orders_the_second_is_refused_before_it_replaces_the_first(
    control: Control, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, second = control.submit, []

    def slowly(folder: Path) -> int:
        second.append(typed(control, "run", "--rounds", "2", "--run", "other"))
        return submit(folder)

    monkeypatch.setattr(control, "submit", slowly)
    assert typed(control, "run", "--rounds", "1") == 0
    assert second == [2]
    assert "a run is under way here" in capsys.readouterr().err
    assert [run.name for run in control.world.runs()] == ["run-1"]


def test_a_run_that_fails_ends_with_1_and_its_reason(
    control: Control, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise WorkFailed("no space left")

    monkeypatch.setattr(Checkpoints, "keep", full)
    assert typed(control, "run", "--rounds", "1") == 1
    assert "run-1: failed, no space left" in capsys.readouterr().err


def test_a_table_changes_on_a_terminal(control: Control) -> None:
    from rich.console import Console

    from grandrounds.coordinating.follow import kept
    from grandrounds.coordinating.screen import live, table
    from grandrounds.coordinating.view import view_of

    control.world.run()
    known = kept(control.world.state, "first")
    console = Console(force_terminal=True, width=80, record=True)
    upto = [line for line in known.lines if line.event.phase == "publish"][:-1]
    with live(console, lambda: known.plan) as show:
        for line in upto:
            show(line)
    console.print(table(view_of(line.event for line in upto), known.plan))
    shown = console.export_text()
    assert shown.count("answered") >= len(SITES)
    # in one line, though the table is narrower
    assert "round 1 of 1, publish: sites train and release their models" in shown.splitlines()[-8]


@pytest.fixture
def served(control: Control) -> Iterator[Callable[[str], str]]:
    serving = metrics.server(control.world.state, "127.0.0.1", 0)
    thread = threading.Thread(target=serving.serve_forever, args=[0.01])
    thread.start()

    def get(path: str) -> str:
        where = f"http://127.0.0.1:{serving.server_address[1]}{path}"
        with urllib.request.urlopen(where, timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())

    yield get
    serving.shutdown()
    serving.server_close()
    thread.join()


def samples(page: str) -> dict[str, float]:
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in page.splitlines() if line[0] != "#")
    }


def test_metrics_tell_of_a_run_and_of_no_count_of_a_site(
    control: Control, served: Callable[[str], str]
) -> None:
    before = samples(served("/metrics"))
    assert before == {"grandrounds_driving": 0, "grandrounds_database_bytes": 0}
    control.world.run()
    found = samples(served("/metrics"))
    events = control.world.events()
    one = 'run="first"'
    assert found[f'grandrounds_run_state{{{one},state="done"}}'] == 1
    assert found[f'grandrounds_run_state{{{one},state="running"}}'] == 0
    assert found[f"grandrounds_run_round{{{one}}}"] == 1
    assert found[f'grandrounds_answers_total{{{one},phase="publish"}}'] == len(SITES)
    sent = [event.sent for event in events if (event.what, event.phase) == ("kept", "distill")]
    assert found[f'grandrounds_sent_bytes_total{{{one},phase="distill"}}'] == sent[0] > 1000
    assert found["grandrounds_database_bytes"] > 10_000
    names = {name.partition("{")[0] for name in found}
    assert not {name for name in names if any(word in name for word in ("rows", "patient"))}


def test_metrics_refuse_other_paths_and_a_damaged_database(
    control: Control, served: Callable[[str], str]
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        served("/")
    (control.world.state / "runs.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        served("/metrics")


def test_a_port_that_is_taken_is_told(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    taken = metrics.server(control.world.state, "127.0.0.1", 0)
    with taken:
        port = str(taken.server_address[1])
        assert typed(control, "metrics", "--port", port) == 2
    assert "--port" in capsys.readouterr().err


def test_a_damaged_database_is_one_clear_line_of_every_command(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    (control.world.state / "runs.sqlite").write_bytes(b"no database" * 100)
    for words in (["status"], ["report"], ["run", "--rounds", "1"]):
        assert typed(control, *words) == 1
        assert "the run database is damaged" in capsys.readouterr().err


def test_looking_at_a_database_waits_for_no_writer(control: Control) -> None:
    control.world.run()
    database = Database(control.world.state)
    with database.change():
        assert control.world.runs()[-1].status == "done"
    database.close()
