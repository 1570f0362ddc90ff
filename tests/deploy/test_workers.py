"""Sites in several processes: the same results, and a process that dies costs its site only."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds.simulate import prepare, simulate
from tests.deploy.test_flower_backend import add_site, write_plugin

Folder = Callable[..., Path]


def in_two_processes(folder: Path, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from grandrounds.cli import main; main()", "simulate"]
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(work / "plugins"),
        "TMPDIR": str(work / "tmp"),
        "OMP_NUM_THREADS": "2",
    }
    return subprocess.run(
        [*command, str(folder), "--jobs", "2", "--json", "--out", str(work / "out"), *options],
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
    assert read.pop("seconds").keys() == expected.seconds.keys()
    assert read == json.loads(expected.model_dump_json(exclude={"seconds"}))
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


def test_flowers_engine_has_no_jobs(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    options = ["--backend", "flower", "--jobs", "2", "--out", str(folder / "o")]
    assert run_command(["simulate", str(folder), *options]) == 2
    assert "option --jobs" in capsys.readouterr().err
