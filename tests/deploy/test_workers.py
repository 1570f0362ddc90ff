"""Sites in several processes: the same results, and a process that dies costs its site only."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds.results import Results
from grandrounds.simulate import prepare, simulate
from tests.deploy.test_flower_backend import add_site, write_plugin
from tests.same import same

Folder = Callable[..., Path]


COMMAND = [sys.executable, "-c", "from grandrounds.cli import main; main()", "simulate"]


def in_two_processes(folder: Path, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(work / "plugins"),
        "TMPDIR": str(work / "tmp"),
        "OMP_NUM_THREADS": "2",
    }
    return subprocess.run(
        [*COMMAND, str(folder), "--jobs", "2", "--json", "--out", str(work / "out"), *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_two_processes_give_the_results_of_one(wine: Folder, tmp_path: Path) -> None:
    folder = wine(tuscany="mlp")
    done = in_two_processes(folder, tmp_path, "--rounds", "2", "--seed", "3")
    assert done.returncode == 0, done.stderr
    expected = simulate(prepare(folder, rounds=2, seed=3), lambda *_: None)
    read = json.loads(done.stdout)
    assert read["seconds"].keys() == expected.seconds.keys()
    assert same(Results.model_validate(read)) == same(expected)
    assert any(site["adopted"] for site in read["sites"].values())
    assert list((tmp_path / "tmp").glob("grandrounds-*")) == []


@pytest.mark.slow
def test_a_process_that_dies_costs_its_site_only(wine: Folder, tmp_path: Path) -> None:
    folder = wine(tuscany="raises")
    add_site(folder, "sicily", "dies", rows_of="tuscany")
    add_site(folder, "umbria", "alone", rows_of="veneto")
    write_plugin(tmp_path / "plugins")
    done = in_two_processes(folder, tmp_path, "--rounds", "1", "--recipe", "paper")
    assert done.returncode == 0, done.stderr
    sites = json.loads(done.stdout)["sites"]
    assert "publish: the site could not be asked" in sites["sicily"]["reason"]
    assert "publish: the site's own work raised an error" in sites["tuscany"]["reason"]
    for name in ("piedmont", "veneto", "umbria"):
        assert sites[name]["own"]["after"]["accuracy"] is not None
        assert sites[name]["received"] > 0
    assert "74.813" not in done.stdout + done.stderr
    assert list((tmp_path / "tmp").glob("grandrounds-*")) == []


@pytest.mark.slow
def test_a_run_that_is_terminated_leaves_no_process_and_no_folder(
    wine: Folder, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    arguments = [str(wine()), "--jobs", "2", "--rounds", "50", "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stderr is not None
        next(line for line in run.stderr if "distill" in line)
        assert list((tmp_path / "tmp").glob("grandrounds-*")) != []
        run.terminate()
        assert run.wait(60) == 130
    assert list((tmp_path / "tmp").glob("grandrounds-*")) == []
    # all that it started is of its session; a worker may need a moment to see that it is alone
    for _ in range(50):
        if not of_session(run.pid):
            break
        time.sleep(0.2)
    assert of_session(run.pid) == []


def of_session(leader: int) -> list[str]:
    found = subprocess.run(
        ["ps", "-o", "args=", "-s", str(leader)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.splitlines()


def test_flowers_engine_has_no_jobs(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    options = ["--backend", "flower", "--jobs", "2", "--out", str(folder / "o")]
    assert run_command(["simulate", str(folder), *options]) == 2
    assert "option --jobs" in capsys.readouterr().err
