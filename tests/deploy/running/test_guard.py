"""Of all that a coordinator could have run at a site, only the installed app runs."""

import io
import multiprocessing
import sys
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flwr.app import Array, ArrayRecord, Context, Error, Message, RecordDict
from flwr.cli.config_utils import get_fab_metadata
from flwr.common.config import get_fab_config, validate_config
from flwr.supercore.constant import TASK_TYPE_TO_COMMAND, TaskType
from flwr.supercore.fab import Fab
from flwr.supercore.run import Run
from flwr.supercore.superexec.executor import ExecutionSpec
from flwr.supercore.superexec.executor.types import LaunchResultStatus
from flwr.supercore.task_identity import TaskIdentity

from grandrounds.running import app_bundle, flower, guard, programs
from grandrounds.running.executor import MOST, OnlyExecutor
from grandrounds.running.folders import SITE
from grandrounds_protocol import times
from grandrounds_protocol.errors import BundleNotApproved, VersionSkew
from grandrounds_protocol.records import REFUSED

ROOT = Path(__file__).parents[3]
PATIENT = "74.813"


def spec(task: TaskType = TaskType.CLIENT_APP) -> ExecutionSpec:
    return ExecutionSpec(
        task_type=task,
        runtime_api_address="127.0.0.1:1",
        token="1",  # noqa: S106 (nobody asks for it)
        insecure=True,
        root_certificates_path=None,
        runtime_dependency_install=True,
        parent_pid=None,
        suppress_output=False,
        task_id=1,
    )


def test_the_bundle_is_a_function_of_versions_that_flower_accepts_and_holds_no_code() -> None:
    data = app_bundle.app_bundle()
    assert data == app_bundle.app_bundle()
    config = get_fab_config(data)
    assert validate_config(config)[:2] == (True, [])
    assert get_fab_metadata(data)[0] == "grandrounds/grandrounds"
    assert f"flwr=={flower.FLOWER}" in config["project"]["dependencies"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["pyproject.toml", ".info/CONTENT"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_any_other_bundle_is_refused() -> None:
    data = app_bundle.app_bundle()
    guard.check_bundle(data)
    for other in (b"", data[:-1], data + b"\0", data.replace(b"grandrounds.", b"grandround5.", 1)):
        with pytest.raises(BundleNotApproved):
            guard.check_bundle(other)


def test_the_version_relied_on_is_the_one_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"flwr=={flower.FLOWER}" in project["dependencies"]
    assert f"flwr=={flower.FLOWER}" in (ROOT / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize(
    "start",
    [
        lambda: guard.run_clientapp(spec()),
        lambda: guard.run_serverapp(spec(TaskType.SERVER_APP)),
        lambda: programs.main(["supernode"]),
    ],
)
def test_nothing_runs_with_another_version_of_flower(
    start: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: object) -> None:
        pytest.fail("Flower's code was reached")

    monkeypatch.setattr(guard, "import_module", loaded)
    monkeypatch.setattr(programs, "PROGRAMS", {"supernode": loaded})
    monkeypatch.setattr(flower, "version", lambda _: "1.41.1")
    with pytest.raises(VersionSkew, match=r"1\.41\.1 is installed") as refused:
        start()
    assert f"flwr=={flower.FLOWER}" in refused.value.remedy


def test_a_name_that_flower_has_no_more_ends_all() -> None:
    with pytest.raises(AttributeError):
        flower.replace(ModuleType("flower"), "install_from_fab", None)


def test_a_nodes_clock_may_be_as_fast_as_a_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    node_auth = import_module(programs.NODE_AUTH)
    monkeypatch.setattr(node_auth, "SYSTEM_TIME_TOLERANCE", node_auth.SYSTEM_TIME_TOLERANCE)
    monkeypatch.setattr("flwr.superlink.cli.flower_superlink", lambda: None)
    monkeypatch.setattr(sys, "argv", sys.argv)
    programs.main(["superlink"])
    assert node_auth.SYSTEM_TIME_TOLERANCE == times.SKEW


@pytest.mark.parametrize("task", [task for task in TaskType if task is not TaskType.CLIENT_APP])
def test_a_site_starts_no_task_but_its_app(task: TaskType) -> None:
    started: list[ExecutionSpec] = []
    executor = OnlyExecutor(TaskType.CLIENT_APP, lambda asked, _: started.append(asked), [])
    assert executor.get_eligible_capacity(set(TaskType)) == ({TaskType.CLIENT_APP}, set())
    result = executor.launch(spec(task))
    assert result.status == LaunchResultStatus.FAILED
    assert "flwr-clientapp" in str(result.message)
    assert started == []
    assert task in TASK_TYPE_TO_COMMAND


def test_messages_without_end_do_not_start_processes_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executor = OnlyExecutor(TaskType.CLIENT_APP, lambda *_: None, [])
    under_way = [None] * (MOST - 1)
    monkeypatch.setattr(multiprocessing, "active_children", lambda: under_way)
    assert executor.get_eligible_capacity(set(TaskType))[0] == {TaskType.CLIENT_APP}
    under_way.append(None)
    assert executor.get_eligible_capacity(set(TaskType))[0] == set()


@dataclass
class FlowerSite:
    """Flower's own code at a site, between a coordinator that sends and one that reads."""

    home: Path
    sent: list[Message] = field(default_factory=list)
    fab: bytes = b""
    version: str = "0.1.0"

    def run(self) -> Message:
        with pytest.raises(SystemExit):
            guard.run_clientapp(spec())
        [reply] = self.sent
        return reply


class Nobody:
    """Stands for a connection: takes every call and does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        self.is_running = False

    def __getattr__(self, _name: str) -> Callable[..., "Nobody"]:
        return lambda *_, **__: self


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlowerSite:
    found = FlowerSite(tmp_path / "flwr")
    module = import_module("flwr.supernode.runtime.run_clientapp")
    for name in (
        "install_from_fab",
        "get_project_dir",
        "get_load_client_app_fn",
        "pull_and_inflate_object_from_tree",
    ):
        monkeypatch.setattr(module, name, getattr(module, name))  # taken back afterwards
    monkeypatch.setenv("FLWR_HOME", str(found.home))
    monkeypatch.setenv(SITE, str(tmp_path / "site"))
    for name, value in {"_task_id": 7, "_run_id": 1, "_node_id": 5}.items():
        monkeypatch.setattr(TaskIdentity, name, value)

    def pulled(_: object) -> tuple[Message, Context, Run, Fab]:
        array = Array("uint8", (1,), "grandrounds.bytes", b"x")
        content = RecordDict({"message": ArrayRecord({"bytes": array})})
        message = Message(content, 5, "query.hello")
        message.metadata.__dict__["_message_id"] = "id"
        run = Run.create_empty(1)
        run.fab_id, run.fab_version = "grandrounds/grandrounds", found.version
        fab = Fab(app_bundle.approved(), found.fab, {})
        return message, Context(1, 5, {}, RecordDict(), {}), run, fab

    def exits(**_: object) -> None:
        raise SystemExit

    replaced: dict[str, Any] = {
        "RuntimeHttpClient": Nobody(),
        "HeartbeatSender": Nobody,
        "register_signal_handlers": exits_not,
        "event": exits_not,
        "pull_task_input": pulled,
        "push_message": lambda _client, message, _context: found.sent.append(message),
        "flwr_exit": exits,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(module, name, value)
    return found


def exits_not(*_: object, **__: object) -> None:
    """Do nothing."""


def hostile(target: Path) -> bytes:
    """Return a bundle whose app writes a file when it is imported."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        project = app_bundle.project().replace("grandrounds.running.", "evil_")
        archive.writestr("pyproject.toml", project)
        for name in ("evil_serverapp.py", "evil_clientapp.py"):
            archive.writestr(name, f"open({str(target)!r}, 'w')\napp = None")
    return file.getvalue()


def error(reply: Message) -> Error:
    assert reply.has_error()
    return reply.error


def test_a_changed_bundle_with_a_claimed_hash_never_runs(site: FlowerSite, tmp_path: Path) -> None:
    site.fab = hostile(tmp_path / "ran")
    assert "BundleNotApproved" in str(error(site.run()).reason)
    assert not (tmp_path / "ran").exists()
    assert not site.home.exists()


def test_a_crafted_version_leads_nowhere(
    site: FlowerSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "pyproject.toml").write_text("")
    site.fab, site.version = app_bundle.app_bundle(), f"0/../../../..{evil}/x"
    monkeypatch.setattr("grandrounds.running.clientapp.app", lambda message, _: message)
    assert not site.run().has_error()
    assert not site.home.exists()
    assert not any(str(evil) in path for path in sys.path)


def test_what_the_app_raises_is_told_by_its_type_alone(
    site: FlowerSite,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def raises(*_: object) -> Message:
        raise ValueError(f"patient {PATIENT} is to blame")

    site.fab = app_bundle.app_bundle()
    monkeypatch.setattr("grandrounds.running.clientapp.app", raises)
    told = error(site.run())
    assert (told.code, told.reason) == (REFUSED, "ValueError")
    printed = capfd.readouterr()
    assert PATIENT not in printed.out + printed.err + caplog.text


def test_an_app_that_cannot_be_imported_tells_no_more(
    site: FlowerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fab = app_bundle.app_bundle()
    monkeypatch.setitem(sys.modules, "grandrounds.running.clientapp", None)
    told = error(site.run())
    assert (told.code, told.reason) == (REFUSED, "ModuleNotFoundError")


def test_a_site_that_cannot_be_opened_says_so_without_paths(site: FlowerSite) -> None:
    site.fab = app_bundle.app_bundle()
    told = error(site.run())
    assert told.reason == "BadInput: the site's files or settings cannot be used"
