"""A site's status, from its own books, and how it leaves."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds.commands.site_join import accept_bundle as join
from grandrounds.provision.identity import open_ledger
from grandrounds.running.lock import only_one
from grandrounds.running.parts import SitePart
from grandrounds.running.site import start, state_of
from grandrounds_client.ledger import AnsweredEntry, ReleasedEntry
from grandrounds_client.private import spent
from grandrounds_client.private.budget import Booking, book
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import BadLedger


@pytest.fixture
def north(members: Path) -> Path:
    join(members / "north", (members / "authority/bundle.json").read_bytes(), yes=True)
    return members / "north"


def status(capsys: pytest.CaptureFixture[str], site: str = "north") -> dict[str, object]:
    capsys.readouterr()
    assert run_command(["site", "status", site, "--json"]) == 0
    said: dict[str, object] = json.loads(capsys.readouterr().out)
    return said


@pytest.fixture
def running(north: Path) -> Iterator[Path]:
    """Hold the state as a site that runs does."""
    (north / "state").mkdir(exist_ok=True)
    with (north / "state/lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield north


def _work(folder: Path) -> None:
    """Leave behind what an answered question and a private release leave."""
    book(DirectoryStore(folder / "privacy"), "ab" * 32, Booking(epsilon=1.5), 3.0)
    answered = AnsweredEntry(run="run-1", round=2, attempt=1, phase="distill", question="cd" * 32)
    released = ReleasedEntry(epsilon=1.5, spent=1.5, release="ab" * 32)
    open_ledger(folder).write([released, answered], 1_800_000_000)
    DirectoryStore(folder / "state/store").update({"run-1/reply/2/1/distill": b"reply"})


def test_a_site_that_has_not_joined_says_so(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(capsys, "south")["joined"] is False
    run_command(["site", "status", "south"])
    assert "grandrounds site join south BUNDLE" in capsys.readouterr().out
    assert members.exists()


def test_status_tells_of_the_last_answer_and_of_what_was_spent(
    north: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _work(north)
    said = status(capsys)
    assert said["joined"] is True
    assert (said["roster_version"], said["runs"], said["spent"]) == (2, ["run-1"], 1.5)
    assert said["answered"] == {
        "run": "run-1",
        "round": 2,
        "phase": "distill",
        "failure": "",
        "time": 1_800_000_000,
    }


def test_status_of_a_site_that_runs_leaves_what_it_writes_alone(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _work(running)
    half = running / "state/store/000000000009-x.part"
    half.write_bytes(b"half a batch")
    said = status(capsys)
    assert said["running"] is True
    assert (said["runs"], said["spent"]) == (["run-1"], 1.5)
    assert half.exists()


def test_leaving_forgets_the_federation_and_keeps_the_books(
    north: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _work(north)
    kept = {
        path: path.read_bytes()
        for path in (north / "keys/0001.key", north / "ledger.jsonl", north / "site.toml")
    }
    assert run_command(["site", "leave", "north", "--yes"]) == 0
    assert "grandrounds authority revoke AUTH north" in capsys.readouterr().out
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert spent(DirectoryStore(north / "privacy")) == 1.5
    gone = ("node/node.key", "node/node.toml", "node/ca.pem", "bundle.json", "federation.toml")
    assert not any((north / name).exists() for name in (*gone, "roster"))


def test_a_site_that_left_comes_back_with_another_nodes_key(north: Path) -> None:
    before = (north / "node/node.pub").read_text()
    run_command(["site", "leave", "north", "--yes"])
    run_command(["authority", "revoke", "authority", "north", "--yes"])
    assert run_command(["site", "rotate", "north"]) == 0
    assert run_command(["authority", "enroll", "authority", "north/enrolment.json", "--yes"]) == 0
    join(north, (north.parent / "authority/bundle.json").read_bytes(), yes=True)
    assert (north / "node/node.pub").read_text() != before


def test_the_bundle_from_before_does_not_bring_back_a_site_that_left(
    north: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(["site", "leave", "north", "--yes"])
    assert "to come back: grandrounds site rotate north" in capsys.readouterr().out
    # the request that lies there is of the old node, too: sent again, it would lead here again
    assert run_command(["site", "join", "north", "authority/bundle.json", "--yes"]) == 3
    assert "grandrounds site rotate north makes a new request" in capsys.readouterr().err
    assert not (north / "node/node.key").exists()


def test_a_site_that_runs_does_not_leave(running: Path) -> None:
    before = sorted(path for path in running.rglob("*"))
    assert run_command(["site", "leave", "north", "--yes"]) == 2
    assert sorted(path for path in running.rglob("*")) == before


def test_one_no_and_nobody_leaves(north: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(_text: str, **_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.confirm", no)
    before = sorted(path for path in north.rglob("*"))
    assert run_command(["site", "leave", "north"]) == 130
    assert sorted(path for path in north.rglob("*")) == before


def test_a_site_whose_ledger_was_cut_starts_nothing(
    north: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _work(north)
    path = north / "ledger.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    started: list[object] = []
    monkeypatch.setattr("grandrounds.running.site.supervise", started.extend)
    with pytest.raises(BadLedger, match="shorter"):
        start(north)
    assert started == []


def test_a_site_whose_node_runs_by_itself_does_not_leave(north: Path) -> None:
    with only_one(state_of(north, SitePart.NODE)):
        assert run_command(["site", "leave", "north", "--yes"]) == 2
    assert (north / "node" / "node.key").exists()
