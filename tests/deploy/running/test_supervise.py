"""Programs that die are started again, and none is left when the one who watches ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds.running import supervise
from grandrounds.running.lock import is_held, only_one
from grandrounds_protocol.errors import AlreadyRunning

WATCHER = """
import logging, sys
from pathlib import Path
from grandrounds.running import supervise
supervise.FIRST_WAIT = supervise.LOOK = 0.05
work = Path(sys.argv[1])

def note(name):
    # a program that starts another one, as an executor does
    code = (
        "import os, subprocess, sys, time\\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\\n"
        f"with open({str(work / name)!r}, 'a') as file: print(os.getpid(), inner.pid, file=file)\\n"
        "time.sleep(600)"
    )
    return [sys.executable, "-c", code]

logging.basicConfig(filename=work / "log", format="%(message)s")

def up(name):
    return lambda: (work / name).exists()

supervise.supervise([
    supervise.Program("first", note("first"), {}, ready=up("first"),
                      once_ready=lambda: (work / "called").write_text("once")),
    supervise.Program("second", note("second"), {}, ready=up("second")),
], "both are started")
(work / "ended").write_text("well")
"""


def lines(path: Path) -> list[list[int]]:
    text = path.read_text() if path.exists() else ""
    return [[int(number) for number in line.split()] for line in text.splitlines()]


def until(found: Callable[[], object], seconds: float = 60.0, every: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(every)


def lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def watcher(work: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", WATCHER, str(work)])
    until(lambda: lines(work / "second"))
    return process


def pids(work: Path) -> list[int]:
    return [pid for name in ("first", "second") for line in lines(work / name) for pid in line]


def test_it_says_when_all_are_started(tmp_path: Path) -> None:
    process = watcher(tmp_path)
    try:
        until(lambda: "both" in (tmp_path / "log").read_text())
    finally:
        process.terminate()
        process.wait(30)
    said = (tmp_path / "log").read_text().splitlines()
    assert said[:3] == ["starting first", "starting second", "both are started"]


def test_a_program_that_dies_is_started_again_with_nothing_left_of_it(tmp_path: Path) -> None:
    process = watcher(tmp_path)
    [(outer, inner)] = lines(tmp_path / "first")
    os.kill(outer, signal.SIGKILL)
    until(lambda: len(lines(tmp_path / "first")) == 2)
    assert not lives(inner)
    assert len(lines(tmp_path / "second")) == 1
    assert (tmp_path / "called").read_text() == "once"
    process.terminate()
    assert process.wait(30) == 0
    assert (tmp_path / "ended").exists()
    assert not [pid for pid in pids(tmp_path) if lives(pid)]


def test_programs_end_with_a_watcher_that_was_killed(tmp_path: Path) -> None:
    process = watcher(tmp_path)
    process.kill()
    process.wait()
    started = [*lines(tmp_path / "first"), *lines(tmp_path / "second")]
    until(lambda: not any(lives(outer) for outer, _ in started))
    for _, inner in started:  # Flower's look after their parents themselves; these do not
        os.kill(inner, signal.SIGKILL)


def test_the_wait_before_a_restart_grows_to_a_bound_and_falls_after_a_steady_time() -> None:
    program = supervise.Program("fails", [sys.executable, "-c", ""], dict(os.environ))
    waits = []
    for _ in range(9):
        program.start()
        assert program._process is not None
        program._process.wait()
        waits.append(program._wait)
        program.look()
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    program.start()
    program._since -= supervise.STEADY + 1
    assert program._process is not None
    program._process.wait()
    program.look()
    assert program._wait == 2 * supervise.FIRST_WAIT
    program.stop()


def test_a_second_one_on_the_same_state_is_refused_by_name(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert not is_held(state)
    with only_one(state):
        assert is_held(state)
        with pytest.raises(AlreadyRunning) as refused, only_one(state):
            pass
        assert refused.value.exit_code == 2
        assert str(state) in str(refused.value)
    assert not is_held(state)
    with only_one(state):
        pass


def test_an_error_of_who_holds_it_is_not_taken_for_a_second_one(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), only_one(tmp_path):
        raise BlockingIOError
    assert not is_held(tmp_path)


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from grandrounds.running.lock import only_one\n"
        "with only_one(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert is_held(tmp_path)
        process.kill()
    assert not is_held(tmp_path)
