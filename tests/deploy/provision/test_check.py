"""The doctors of a site and of a coordinator: what they find, and that they tell no value."""

import datetime as dt
import json
import socket
import ssl
from collections.abc import Iterator
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from grandrounds.cli import run_command
from grandrounds.commands.site_join import accept_bundle as join
from grandrounds.doctor import coordinator as coordinator_doctor
from grandrounds.doctor import site as site_doctor
from grandrounds.doctor.connection import check_clock, check_edge, meet
from grandrounds.doctor.finding import Finding, failed, ok
from grandrounds.provision.coordinator_folder import accept_bundle
from grandrounds.provision.identity import wall_clock
from grandrounds.provision.site_folder import open_site_folder
from grandrounds.provision.tls import Tls
from grandrounds.running.addresses import everywhere, free_port, try_everywhere
from grandrounds.running.lock import is_held
from grandrounds_protocol.errors import BadInput

CANARY = 713.7919


@pytest.fixture
def north(members: Path) -> Path:
    """Let a site with data join."""
    folder = members / "north"
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 1000, (150, 2))
    lines = [f"{age},{dose},{'ill' if age > dose else 'well'}" for age, dose in rows]
    lines[7] = f"{CANARY},12,ill"
    (folder / "rows.csv").write_text("\n".join(["age,dose,outcome", *lines]))
    join(folder, (members / "authority/bundle.json").read_bytes(), yes=True)
    return folder


def found(folder: Path, check: str) -> Finding:
    """Look no further than this check."""
    return next(each for each in site_doctor.examine(folder, offline=True) if each.check == check)


class _Health(BaseHTTPRequestHandler):
    ahead = 0

    def do_HEAD(self) -> None:
        self.send_response_only(200)
        there = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.ahead)
        self.send_header("Date", format_datetime(there, usegmt=True))
        self.end_headers()


class _AnHourAhead(_Health):
    ahead = 3600


class _Quiet(HTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a handshake that the other side broke off."""


@pytest.fixture
def edge(members: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Answer as the edge would, with the certificates of a folder."""
    folder, handler = getattr(request, "param", ("hub", _Health))
    if not (members / folder).exists():
        command = ["coordinator", "init", folder, "--host", "localhost"]
        assert run_command([*command, "--federation", "federation.toml"]) == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls = Tls(members / folder / "tls")
    context.load_cert_chain(tls.server, tls.server_key)
    server = _Quiet(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def look(members: Path, edge: str) -> dict[str, Finding]:
    met = meet(edge, members / "hub/tls/ca.pem")
    if isinstance(met, Finding):
        return {met.check: met}
    findings = (check_edge(met, edge, wall_clock()), check_clock(met, wall_clock()))
    return {finding.check: finding for finding in findings}


def test_a_sound_site_is_fine_and_a_round_is_tried_without_a_trace(
    north: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in north.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run_command(["site", "check", "north", "--offline", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    states = {each["check"]: each["state"] for each in said["findings"]}
    assert set(states.values()) == {"ok"}
    assert list(states)[-4:] == ["data", "budget", "model", "round"]
    says = {each["check"]: each["says"] for each in said["findings"]}
    assert says["data"].startswith("150 rows (")
    assert "virtual rows" in says["round"]
    assert before == {path: path.read_bytes() for path in north.rglob("*") if path.is_file()}


@pytest.mark.parametrize("trouble", ["a bad cell", "a learner that quotes rows", "none"])
def test_no_value_of_a_row_is_told(
    north: Path, trouble: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = north / "rows.csv"
    if trouble == "a bad cell":
        path.write_text(path.read_text().replace(str(CANARY), f"{CANARY}x"))
    if trouble == "a learner that quotes rows":

        def choose(_: object, train: tuple[object, object], *__: object, **___: object) -> None:
            raise ValueError(f"cannot learn from {CANARY}, {train}")

        # the package has a function of the module's name
        monkeypatch.setattr(import_module("grandrounds_client.phases.publish"), "choose", choose)
    code = run_command(["site", "check", "north", "--offline"])
    assert code == (0 if trouble == "none" else 2)
    said = capsys.readouterr()
    for text in (str(CANARY), str(CANARY / 1000), "713.79"):
        assert text not in said.out + said.err
    if trouble == "a bad cell":
        assert "rows.csv, row 9, column 'age'" in said.out


@pytest.mark.parametrize(
    "path", ["keys/0001.key", "keys", "node/node.key", "ledger.jsonl", "roster", "state"]
)
def test_what_others_may_read_is_refused_with_what_mends_it(north: Path, path: str) -> None:
    open_site_folder(north)  # makes the folder for state
    (north / path).chmod((north / path).stat().st_mode | 0o044)
    finding = found(north, "modes")
    assert finding.state == "refused"
    assert f"chmod go-rwx {north / path}" in finding.mend


def test_a_refusal_ends_with_3_and_a_failure_with_2(
    north: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (north / "rows.csv").unlink()  # and nothing is trained
    assert run_command(["site", "check", "north", "--offline"]) == 2
    (north / "keys").chmod(0o755)
    assert run_command(["site", "check", "north", "--offline"]) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "next: mend this, then grandrounds site check north"


def test_a_folder_that_others_may_write_in_is_refused(north: Path) -> None:
    north.chmod(0o770)
    assert found(north, "modes").state == "refused"


def test_a_site_that_has_not_joined_is_told_what_to_type(members: Path) -> None:
    assert found(members / "south", "federation").state == "failed"
    assert "site join" in found(members / "south", "data").mend


def test_a_ledger_that_is_gone_is_found_and_the_site_does_not_start(
    north: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(north, "ledger") == ok("ledger", "the chain holds: 1 entries")
    (north / "ledger.jsonl").unlink()
    (north / "ledger.head").unlink()
    assert found(north, "ledger").state == "refused"
    capsys.readouterr()
    assert run_command(["site", "start", "north", "--only", "executor"]) == 3
    assert "the ledger is gone" in capsys.readouterr().err


def test_a_real_site_holds_runs_to_the_rules_it_accepted(north: Path) -> None:
    clientapp = import_module("grandrounds.running.clientapp")
    assert clientapp.real_site(north).accepted == open_site_folder(north).federation.rules


def test_a_real_site_answers_one_question_at_a_time(north: Path) -> None:
    clientapp = import_module("grandrounds.running.clientapp")
    store = open_site_folder(north).store
    with clientapp.real_site(north).alone():
        assert is_held(store)
    assert not is_held(store)


def test_a_federation_changed_by_hand_is_found(north: Path) -> None:
    path = north / "federation.toml"
    path.write_text(path.read_text().replace("private", "paper"))
    assert "site join" in found(north, "federation").mend


def test_a_roster_that_ends_soon_is_a_warning_and_one_that_ended_is_refused(
    north: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = wall_clock()
    monkeypatch.setattr(site_doctor, "wall_clock", lambda: now + 350 * 86400)
    assert found(north, "roster").state == "warning"
    monkeypatch.setattr(site_doctor, "wall_clock", lambda: now + 400 * 86400)
    assert found(north, "roster").state == "refused"


def test_keys_that_the_roster_does_not_know_are_found(north: Path) -> None:
    assert run_command(["site", "rotate", "north"]) == 0
    assert "before the newest" in found(north, "roster").says
    (north / "keys/0001.key").unlink()
    assert found(north, "roster").state == "refused"


def test_another_version_of_flower_is_found(north: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grandrounds.doctor.software.version", lambda _: "9.9.9")
    finding = found(north, "versions")
    assert finding.state == "failed"
    assert "install flwr 1." in finding.mend


def test_a_full_disk_is_found(north: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((100 << 20, "failed"), (1 << 30, "warning"), (9 << 30, "ok")):
        usage = (0, 0, free)
        monkeypatch.setattr("shutil.disk_usage", lambda _, usage=usage: _Usage(*usage))
        assert found(north, "disk").state == state


def test_a_full_disk_of_the_state_alone_is_found(
    north: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (north / "state").mkdir(mode=0o700, exist_ok=True)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda path: _Usage(0, 0, 0 if path.name == "state" else 9 << 30)
    )
    assert found(north, "disk").state == "failed"


class _Usage:
    def __init__(self, total: int, used: int, free: int) -> None:
        self.total, self.used, self.free = total, used, free


def test_a_model_that_may_not_leave_is_refused_by_name(north: Path) -> None:
    rows = (north / "rows.csv").read_text().splitlines()
    ill, well = ([row for row in rows if row.endswith(name)] for name in ("ill", "well"))
    (north / "rows.csv").write_text("\n".join([rows[0], *ill[:8], *well[:8]]))
    assert found(north, "data").state == "warning"
    assert found(north, "model").state == "refused"
    checks = [each.check for each in site_doctor.examine(north, offline=True)]
    assert "round" not in checks


def test_an_edge_with_the_right_certificate_is_reached(members: Path, edge: str) -> None:
    findings = look(members, edge)
    assert findings["edge"].state == "ok"
    assert findings["clock"].state == "ok"


@pytest.mark.parametrize("edge", [("mirror", _Health)], indirect=True)
def test_a_substituted_certificate_is_refused(members: Path, edge: str) -> None:
    found = look(members, edge)["edge"]
    assert found.state == "refused"
    assert "connect to nobody there" in found.mend


@pytest.mark.parametrize("edge", [("hub", _AnHourAhead)], indirect=True)
def test_a_clock_an_hour_away_is_found(members: Path, edge: str) -> None:
    found = look(members, edge)["clock"]
    assert found.state == "failed"
    assert "NTP" in found.mend


def test_an_edge_that_is_not_there_is_told_without_a_traceback(members: Path) -> None:
    found = look(members, "127.0.0.1:9")["edge"]
    assert found.state == "failed"
    assert "outbound port" in found.mend


def test_a_port_of_something_else_is_told_from_one_that_is_closed(members: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Health) as plain:
        Thread(target=plain.serve_forever, args=[0.01], daemon=True).start()
        found = look(members, f"127.0.0.1:{plain.server_port}")["edge"]
        plain.shutdown()
    assert found.state == "failed"
    assert "it is no coordinator" in found.says


def test_a_certificate_near_its_end_is_a_warning(members: Path, edge: str) -> None:
    met = meet(edge, members / "hub/tls/ca.pem")
    assert not isinstance(met, Finding)
    assert check_edge(met, edge, wall_clock() + 810 * 86400).state == "warning"
    assert check_edge(met, edge, wall_clock() + 900 * 86400).state == "failed"


def test_joining_ends_with_what_the_check_found(
    members: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["site", "join", "north", "authority/bundle.json", "--yes", "--no-start"]
    for finding, code, last in (
        (failed("edge", "not reached", "open the port"), 2, "check north"),
        (ok("edge", "reached"), 0, "next: grandrounds site start north"),
    ):
        monkeypatch.setattr(site_doctor, "examine", lambda *_, found=finding, **__: [found])
        assert run_command(command) == code
        assert capsys.readouterr().out.splitlines()[-1].endswith(last)
    assert (members / "north/bundle.json").exists()


@pytest.fixture
def hub(members: Path) -> Path:
    """Let the coordinator accept its bundle."""
    accept_bundle(members / "hub", (members / "authority/bundle.json").read_bytes(), lambda _: None)
    return members / "hub"


def test_a_coordinator_is_fine_or_told_what_to_mend(hub: Path) -> None:
    def states() -> dict[str, str]:
        return {each.check: each.state for each in coordinator_doctor.examine(hub)}

    fine = states()
    assert {fine[name] for name in ("roster", "certificate", "root", "secret", "modes")} == {"ok"}
    (hub / "tls/server.key").write_bytes((hub / "root/ca.key").read_bytes())
    assert states()["certificate"] == "failed"
    (hub / "root/ca.key").chmod(0o640)
    assert states()["modes"] == "refused"
    (hub / "root/ca.key").unlink()
    assert states()["root"] == "warning"
    (hub / "secrets/superexec").write_text("short")
    assert ("secret", "failed") in states().items()
    (hub / "federation.toml").write_text('name = "other"')
    assert states()["roster"] == "refused"


def test_the_folder_that_the_edge_sees_holds_no_key_that_signs_certificates(hub: Path) -> None:
    keys = {path.name for path in (hub / "tls").iterdir() if b"PRIVATE" in path.read_bytes()}
    assert keys == {"server.key"}
    assert b"PRIVATE" in (hub / "root/ca.key").read_bytes()


def test_a_port_that_somebody_has_is_found(
    hub: Path, edge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(edge.rpartition(":")[2])
    monkeypatch.setattr(coordinator_doctor, "edge_port", lambda _: port)
    ours = {each.check: each for each in coordinator_doctor.examine(hub)}["port"]
    assert "this coordinator's" in ours.says
    run_command(
        ["coordinator", "init", "mirror", "--host", "x.example", "--federation", "federation.toml"]
    )
    with pytest.raises(BadInput, match="cannot be had"):
        coordinator_doctor._port(hub.parent / "mirror")


@pytest.mark.skipif(len(everywhere(0)) == 1, reason="this machine has no IPv6")
def test_a_port_that_somebody_has_for_ipv6_only_is_found() -> None:
    with socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            try_everywhere(other.getsockname()[1])
    try_everywhere(free_port())
