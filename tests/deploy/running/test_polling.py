"""How often programs ask: each look costs who is asked, run or no run."""

from pathlib import Path

from grandrounds.running import coordinator, flower, site
from grandrounds.running.folders import Places


def test_a_coordinators_executor_looks_for_its_one_task_a_run_less_often(tmp_path: Path) -> None:
    of_coordinator = coordinator._executor(Places(tmp_path), "127.0.0.1:1", None)
    of_site = site._executor(tmp_path, "127.0.0.1:1", None)
    assert float(of_coordinator.environment[flower.LOOK]) >= 1.0
    assert float(of_site.environment[flower.LOOK]) <= 0.1


def test_it_is_flower_that_reads_how_often() -> None:
    from flwr.supercore.superexec import run_superexec

    assert flower.LOOK == run_superexec._TASK_POLL_INTERVAL_ENV
