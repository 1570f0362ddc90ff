"""From nothing to a roster that two hospitals accepted, as people type it."""

from pathlib import Path

import click
import pytest

from grandrounds.cli import run_command
from grandrounds.commands.asking import spelled
from grandrounds.provision.accepted import read_trust
from grandrounds.provision.identity import open_identity
from grandrounds.provision.secrets import make_private_folder
from grandrounds_protocol.errors import BadLedger, OpenToOthers
from grandrounds_protocol.keys import KeyPair


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sites and an authority that enrolled them."""
    monkeypatch.chdir(tmp_path)
    for name in ("north", "south"):
        assert run_command(["site", "init", name, "--site", name]) == 0
    assert run_command(["authority", "init", "authority", "--federation", "demo"]) == 0
    requests = ["north/enrolment.json", "south/enrolment.json"]
    assert run_command(["authority", "enroll", "authority", *requests, "--yes"]) == 0
    return tmp_path


def accept(site: str, *options: str) -> int:
    return run_command(["site", "roster", site, "authority/roster.json", *options])


def test_keys_and_ledger_are_for_their_owner_only(demo: Path) -> None:
    assert accept("north", "--yes") == 0
    secret = [*demo.rglob("*.key"), *(demo / "north").glob("ledger.*")]
    assert len(secret) == 7
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in demo.rglob("*.key")} == {0o700}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(
    demo: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    key = demo / "north" / "keys" / "0001.key"
    key.chmod(mode)
    assert run_command(["site", "show", "north"]) == 3
    assert f"chmod 600 north/keys/{key.name}" in capsys.readouterr().err


def test_no_command_prints_a_private_key(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept("north", "--yes")
    run_command(["site", "show", "north"])
    run_command(["authority", "show", "authority"])
    run_command(["site", "ledger", "show", "north"])
    captured = capsys.readouterr()
    for key in demo.rglob("*.key"):
        assert key.read_text().strip() not in captured.out + captured.err
        assert key.read_text().strip()[:40] not in captured.out + captured.err


def test_each_new_member_is_asked_for_and_one_no_leaves_all_as_it_was(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        if "south" in text:
            raise click.Abort
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    assert accept("north") == 130
    assert len(asked) == 2  # the authority and south, and not north for itself
    assert not (demo / "north" / "roster").exists()


@pytest.mark.parametrize("mode", [0o740, 0o705, 0o720])
def test_a_folder_of_keys_that_others_may_enter_is_refused(
    demo: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    capsys.readouterr()
    (demo / "north" / "keys").chmod(mode)
    for command in (["show", "north"], ["rotate", "north"], ["ledger", "verify", "north"]):
        assert run_command(["site", *command]) == 3
        assert "chmod 700 north/keys" in capsys.readouterr().err
    (demo / "authority" / "keys").chmod(mode)
    assert run_command(["authority", "renew", "authority"]) == 3
    assert "chmod 700 authority/keys" in capsys.readouterr().err


def test_accepted_rosters_that_others_may_exchange_are_refused(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    (demo / "north" / "roster").chmod(0o770)
    run_command(["authority", "renew", "authority"])
    assert accept("north", "--yes") == 3
    assert "chmod 700 north/roster" in capsys.readouterr().err
    with pytest.raises(OpenToOthers):
        open_identity(demo / "north", "north")


def test_a_new_member_and_one_with_replaced_keys_look_different(
    demo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    accept("north", "--yes")
    old = open_identity(demo / "north", "north").trust.current.member("south", "site").keys
    run_command(["site", "init", "west", "--site", "west"])
    run_command(["site", "rotate", "south"])
    requests = ["south/enrolment.json", "west/enrolment.json"]
    enroll = ["authority", "enroll", "authority", *requests]
    asked: list[str] = []
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text))
    for command in (enroll, ["site", "roster", "north", "authority/roster.json"]):
        capsys.readouterr()
        asked.clear()
        assert run_command(command) == 0
        shown = capsys.readouterr().out
        assert (
            f"REPLACED: south (site) until now had the keys\n  {spelled(old.fingerprint)}" in shown
        )
        assert "NEW MEMBER\nwest (site)" in shown
        assert "NEW MEMBER\nsouth" not in shown
        assert {text.split()[1]: "changed" in text for text in asked} == {
            "south": True,
            "west": False,
        }


def test_replaced_keys_are_told_even_where_nothing_is_asked(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    run_command(["site", "rotate", str(demo / "south")])
    for command in (
        ["authority", "enroll", "authority", "south/enrolment.json", "--yes"],
        ["site", "roster", "north", "authority/roster.json", "--yes"],
    ):
        capsys.readouterr()
        assert run_command(command) == 0
        assert "REPLACED: south (site)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["south", "SOUTH"])
def test_two_requests_in_one_name_are_refused(
    demo: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(["site", "init", "puppet", "--site", name])
    before = (demo / "authority" / "roster.json").read_bytes()
    requests = ["south/enrolment.json", "puppet/enrolment.json"]
    assert run_command(["authority", "enroll", "authority", *requests, "--yes"]) == 2
    assert "two requests are in the name of south" in capsys.readouterr().err
    assert (demo / "authority" / "roster.json").read_bytes() == before


@pytest.mark.parametrize("first", [True, False])
def test_a_roster_by_which_somebody_else_is_this_site_is_refused(
    demo: Path, capsys: pytest.CaptureFixture[str], *, first: bool
) -> None:
    if not first:
        accept("north", "--yes")
    run_command(["site", "init", "puppet", "--site", "north"])
    run_command(["authority", "enroll", "authority", "puppet/enrolment.json", "--yes"])
    assert accept("north", "--yes") == 3
    assert "has other keys for north than this site" in capsys.readouterr().err
    assert (demo / "north" / "roster").exists() is not first
    assert (demo / "north" / "ledger.jsonl").exists() is not first
    assert accept("south", "--yes") == 0


def test_a_site_that_made_new_keys_accepts_a_roster_with_its_old_ones(demo: Path) -> None:
    run_command(["site", "rotate", str(demo / "north")])
    assert accept("north", "--yes") == 0


def test_keys_can_be_replaced_and_the_old_ones_stay(demo: Path) -> None:
    accept("north", "--yes")
    accept("south", "--yes")
    before = open_identity(demo / "south", "south")
    assert run_command(["site", "rotate", "south"]) == 0
    assert run_command(["authority", "enroll", "authority", "south/enrolment.json", "--yes"]) == 0
    assert accept("south", "--yes") == 0
    after = open_identity(demo / "south", "south")
    assert after.trust.current.version == before.trust.current.version + 1
    assert after.keys_on(after.trust.current) is after.keys[0]
    assert after.keys[1].public == before.keys[0].public
    # a run that began by the version before goes on: what is sealed for the old keys opens
    assert after.keys_on(before.trust.current).public == before.keys[0].public


def test_a_lower_version_is_a_rollback(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = (demo / "authority" / "roster.json").read_bytes()
    run_command(["authority", "renew", "authority"])
    assert accept("north", "--yes") == 0
    (demo / "authority" / "roster.json").write_bytes(old)
    assert accept("north", "--yes") == 3
    assert "version 3 was accepted" in capsys.readouterr().err


@pytest.mark.usefixtures("demo")
def test_a_roster_of_another_authority_is_refused() -> None:
    assert accept("north", "--yes") == 0
    run_command(["authority", "init", "puppeteer", "--federation", "demo"])
    requests = [f"{name}/enrolment.json" for name in ("north", "south")]
    run_command(["authority", "enroll", "puppeteer", *requests, "--yes"])
    assert run_command(["site", "roster", "north", "puppeteer/roster.json", "--yes"]) == 3


def test_a_revoked_member_is_gone_and_its_keys_cannot_come_back(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["authority", "revoke", "authority", "south", "--yes"]) == 0
    assert accept("north", "--yes") == 0
    assert open_identity(demo / "north", "north").trust.current.sites == ("north",)
    assert run_command(["authority", "enroll", "authority", "south/enrolment.json", "--yes"]) == 2
    assert "south has keys that were revoked: it makes new ones" in capsys.readouterr().err


def test_a_request_changed_on_its_way_is_refused(demo: Path) -> None:
    path = demo / "south" / "enrolment.json"
    path.write_bytes(path.read_bytes().replace(b'"south"', b'"souyh"'))
    assert run_command(["authority", "enroll", "authority", str(path), "--yes"]) == 3


def test_keys_and_authority_are_not_made_twice(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.read_text() for path in demo.rglob("*.key"))
    assert run_command(["site", "init", "north", "--site", "north"]) == 2
    assert "rotate" in capsys.readouterr().err
    assert run_command(["authority", "init", "authority", "--federation", "x"]) == 2
    assert sorted(path.read_text() for path in demo.rglob("*.key")) == before


@pytest.mark.parametrize("name", ["../x", "a b", "", "x" * 65, "nørth"])
def test_a_name_that_cannot_travel_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["site", "init", str(tmp_path / "s"), "--site", name]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "s" / "keys").exists()


def test_a_key_that_is_none_is_told_without_quoting_it(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = demo / "north" / "keys" / "0001.key"
    path.write_text(KeyPair.generate().to_secret()[:-8])
    path.chmod(0o600)
    assert run_command(["site", "show", "north"]) == 2
    said = capsys.readouterr()
    assert "not a key of grandrounds" in said.err
    assert path.read_text()[:20] not in said.err


def test_the_ledger_is_verified_against_what_a_peer_kept(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    capsys.readouterr()
    assert run_command(["site", "ledger", "verify", "north"]) == 0
    head = capsys.readouterr().out.splitlines()[-1]
    assert run_command(["site", "ledger", "verify", "north", "--head", head]) == 0
    assert run_command(["site", "ledger", "verify", "north", "--head", "nonsense"]) == 2
    assert run_command(["site", "ledger", "verify", "north", "--head", f"0:{'0' * 64}"]) == 0
    capsys.readouterr()
    assert run_command(["site", "ledger", "verify", "north", "--head", f"0:{'1' * 64}"]) == 2
    assert "with 0 entries the digest is 64 zeros" in capsys.readouterr().err
    (demo / "north" / "ledger.jsonl").write_bytes(b"")
    assert run_command(["site", "ledger", "verify", "north", "--head", head]) == 3
    assert run_command(["site", "ledger", "verify", "nowhere"]) == 2


@pytest.mark.parametrize("kept", [0, 1])
def test_a_ledger_gone_with_its_head_or_one_before_the_roster_was_accepted_shows(
    demo: Path, kept: int, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    book = [demo / "north" / name for name in ("ledger.jsonl", "ledger.head")]
    backup = [path.read_bytes() for path in book]
    run_command(["authority", "renew", "authority"])
    accept("north", "--yes")
    for path, content in zip(book, backup, strict=True):
        path.unlink()
        if kept:
            path.write_bytes(content)
            path.chmod(0o600)
    with pytest.raises(BadLedger, match="the ledger is gone"):
        open_identity(demo / "north", "north")
    run_command(["authority", "renew", "authority"])
    capsys.readouterr()
    for command in (
        ["ledger", "verify", "north"],
        ["roster", "north", "authority/roster.json", "--yes"],  # or its line would hide the loss
    ):
        assert run_command(["site", *command]) == 3
        assert "restore ledger.jsonl and ledger.head from one backup" in capsys.readouterr().err


def test_a_roster_accepted_again_asks_nothing_and_has_one_line(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    before = (demo / "north" / "ledger.jsonl").read_bytes()
    capsys.readouterr()
    assert accept("north") == 0
    assert "accepted before: version 2 of demo" in capsys.readouterr().out
    assert (demo / "north" / "ledger.jsonl").read_bytes() == before


def test_a_changed_last_line_or_a_cut_tail_shows_at_home(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    run_command(["authority", "renew", "authority"])
    accept("north", "--yes")
    path = demo / "north" / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for change in ([lines[0], lines[1].replace(b'"version":3', b'"version":4')], lines[:1]):
        path.write_bytes(b"".join(change))
        assert run_command(["site", "ledger", "verify", "north"]) == 3
        assert "this site itself saw" in capsys.readouterr().err
        with pytest.raises(BadLedger):  # and so it takes part in no run
            open_identity(demo / "north", "north")
        run_command(["authority", "renew", "authority"])
        assert accept("north", "--yes") == 3
    path.write_bytes(b"".join(lines))
    assert run_command(["site", "ledger", "verify", "north"]) == 0


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.head"])
def test_a_ledger_that_others_may_read_is_refused(
    demo: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    accept("north", "--yes")
    (demo / "north" / name).chmod(0o640)
    assert run_command(["site", "ledger", "verify", "north"]) == 3
    assert f"chmod 600 north/{name}" in capsys.readouterr().err


def test_a_roster_that_cannot_be_written_down_is_not_accepted(demo: Path) -> None:
    accept("north", "--yes")
    run_command(["authority", "renew", "authority"])
    ledger = demo / "north" / "ledger.jsonl"
    ledger.unlink()
    ledger.mkdir()
    assert accept("north", "--yes") == 1
    assert read_trust(demo / "north" / "roster").current.version == 2


@pytest.mark.parametrize("command", ["show", "heads"])
def test_a_ledger_is_not_looked_for_where_no_site_is(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["site", "ledger", command, str(tmp_path)]) == 2
    assert "there are no keys here" in capsys.readouterr().err
    assert run_command(["site", "ledger", command, str(tmp_path / "mistyped")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_private_folder_is_private_with_those_made_above_it(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "site" / "node" / "state")
    for made in ("site", "site/node", "site/node/state"):
        assert (tmp_path / made).stat().st_mode & 0o077 == 0, made
