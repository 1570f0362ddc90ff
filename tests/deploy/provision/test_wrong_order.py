"""Commands typed in the wrong order, twice, or with the wrong file: one clear message, no trace."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds.doctor.finding import Finding, ok

SITE = ("check", "start", "status", "leave", "rotate", "show")
COORDINATOR = ("check", "start", "status", "stop", "report", "metrics")


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The programs that this process would have become."""
    found: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, arguments: found.append(list(arguments)))
    return found


@pytest.mark.parametrize("who", [("site", SITE), ("coordinator", COORDINATOR)])
def test_a_folder_that_is_not_there_is_said_to_be_missing(
    tmp_path: Path, who: tuple[str, Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    role, commands = who
    for command in commands:
        assert run_command([role, command, str(tmp_path / "nort")]) == 2
        assert "does not exist" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_starting_before_joining_makes_nothing(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (members / "west").mkdir()  # the hospital put its rows there first
    assert run_command(["site", "start", "west"]) == 2
    assert "has not joined yet" in capsys.readouterr().err
    assert not list((members / "west").iterdir())


def test_a_role_without_keys_is_told_of_its_own_init(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (members / "empty").mkdir()
    assert run_command(["coordinator", "run", "empty", "--rounds", "1"]) == 2
    assert "coordinator or authority init" in " ".join(capsys.readouterr().err.split())


def test_an_authority_is_not_made_twice(members: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (members / "authority/roster.json").read_bytes()
    assert run_command(["authority", "init", "authority", "--federation", "demo"]) == 2
    assert "remedy: grandrounds authority show authority" in capsys.readouterr().err
    assert (members / "authority/roster.json").read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        ["authority", "enroll", "authority", "north/enrolment.json", "FILE", "--yes"],
        ["site", "roster", "north", "FILE", "--yes"],
        ["site", "join", "north", "FILE", "--yes"],
        ["coordinator", "accept", "hub", "FILE", "--yes"],
    ],
)
def test_a_file_that_was_cut_is_named_with_what_to_do(
    members: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cut = members / "cut.json"
    cut.write_bytes((members / "authority/bundle.json").read_bytes()[:500])
    assert run_command([cut.name if word == "FILE" else word for word in command]) == 3
    said = capsys.readouterr().err
    assert "where: cut.json" in said
    assert "remedy: " in said


@pytest.mark.usefixtures("members")
def test_joining_ends_as_a_start_of_its_own(
    monkeypatch: pytest.MonkeyPatch, became: list[list[str]]
) -> None:
    def fine(*_: object, **__: object) -> list[Finding]:
        return [ok("edge", "reached")]

    monkeypatch.setattr("grandrounds.doctor.site.examine", fine)
    assert run_command(["site", "join", "north", "authority/bundle.json", "--yes"]) == 0
    assert [command[-3:] for command in became] == [["site", "start", "north"]]
