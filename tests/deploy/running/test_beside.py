"""Peers' models run beside each of the app's processes, in one that imported all before."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flwr.supercore.constant import TaskType
from flwr.supercore.superexec.executor import ExecutionSpec
from flwr.supercore.superexec.executor.types import LaunchResultStatus

from grandrounds.running import beside
from grandrounds.running.executor import OnlyExecutor, Run
from grandrounds_client.vet import vet
from grandrounds_client.worker import remote_teacher, shared_worker
from tests.client.worker.test_worker import CLASSES, WIDTH, released, seeds
from tests.deploy.running.test_guard import spec
from tests.deploy.running.test_supervise import until

pytestmark = pytest.mark.slow


def ask(told: ExecutionSpec, by: beside.Beside) -> None:
    """Ask a peer's model, kill the process beside, and ask again."""
    beside.adopt(by)
    worker, data = shared_worker(), released("tree")
    teacher = remote_teacher(worker, data, name="a", algorithm="b", width=WIDTH, classes=CLASSES)
    answers, first = teacher.predict_proba(seeds()).tolist(), worker.pid
    os.kill(by.pid, signal.SIGKILL)
    until(lambda: worker._process is None or worker._process.has_ended(), 10)
    again = teacher.predict_proba(seeds()).tolist()
    Path(told.token).write_text(json.dumps([answers, again, first == by.pid, worker.started]))


def leave(told: ExecutionSpec, by: beside.Beside) -> None:
    """End without asking anything, as after a hello."""
    beside.adopt(by)
    Path(told.token).write_text(str(by.pid))


def look(told: ExecutionSpec, by: beside.Beside) -> None:
    """Tell which files the process beside has open once it serves."""
    beside.adopt(by)
    worker = shared_worker()
    remote_teacher(worker, released("tree"), name="a", algorithm="b", width=WIDTH, classes=CLASSES)
    held = [str(each.readlink()) for each in Path(f"/proc/{by.pid}/fd").iterdir()]
    Path(told.token).write_text(json.dumps(held))


def launched(run: Run, path: Path) -> str:
    executor = OnlyExecutor(TaskType.CLIENT_APP, run, [beside.SERVE], beside.forked)
    result = executor.launch(replace(spec(), token=str(path)))
    assert result.status == LaunchResultStatus.ACCEPTED
    until(lambda: not multiprocessing.active_children(), 60)
    return path.read_text()


def test_it_answers_as_this_process_would_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    answers, again, was_first, started = json.loads(launched(ask, tmp_path / "told"))
    here = vet(released("tree"), name="a", algorithm="b", width=WIDTH, classes=CLASSES)
    np.testing.assert_array_equal(answers, here.predict_proba(seeds()))
    assert again == answers
    assert was_first
    assert started == 2


def test_it_ends_with_the_app_that_never_asked_it(tmp_path: Path) -> None:
    pid = launched(leave, tmp_path / "told")
    until(lambda: not Path(f"/proc/{pid}").exists(), 10)


def test_it_holds_no_file_but_its_two_pipes_and_the_shared_memory(tmp_path: Path) -> None:
    held = json.loads(launched(look, tmp_path / "told"))
    assert len([name for name in held if name.startswith("pipe:")]) == 2
    rest = {name.split(":")[0] for name in held if not name.startswith("pipe:")}
    assert rest == {"/dev/null", "/memfd"}


def test_open_files_do_not_grow_with_messages(tmp_path: Path) -> None:
    launched(leave, tmp_path / "first")
    before = len([*Path("/proc/self/fd").iterdir()])
    for number in range(3):
        launched(leave, tmp_path / str(number))
    assert len([*Path("/proc/self/fd").iterdir()]) <= before


def start_its_own(told: ExecutionSpec, by: beside.Beside | None) -> None:
    """Ask a peer's model where no process could be handed over."""
    worker, data = shared_worker(), released("tree")
    remote_teacher(worker, data, name="a", algorithm="b", width=WIDTH, classes=CLASSES)
    Path(told.token).write_text(f"{by} {worker.started}")


def test_where_the_system_has_no_handles_the_app_starts_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_pid: int) -> int:
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr(os, "pidfd_open", refused)
    assert launched(start_its_own, tmp_path / "told") == "None 1"


def stay(told: ExecutionSpec, _beside: None) -> None:
    """Stay whatever anybody says, as one who waits for a SuperLink that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(told.token).write_text(str(os.getpid()))
    time.sleep(600)


EXECUTOR = """
import sys, time
from dataclasses import replace
from flwr.supercore.constant import TaskType
from grandrounds.running.executor import OnlyExecutor
from tests.deploy.running.test_beside import stay
from tests.deploy.running.test_guard import spec

OnlyExecutor(TaskType.CLIENT_APP, stay, []).launch(replace(spec(), token=sys.argv[1]))
time.sleep(600)
"""


def test_no_task_outlives_its_executor(tmp_path: Path) -> None:
    told = tmp_path / "told"
    executor = subprocess.Popen([sys.executable, "-c", EXECUTOR, str(told)])
    try:
        until(lambda: told.exists() and bool(told.read_text()), 60)
    finally:
        executor.kill()
        executor.wait()
    until(lambda: not Path(f"/proc/{told.read_text()}").exists(), 10)
