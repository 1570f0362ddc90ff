"""How often programs ask: each look costs who is asked, run or no run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from grandrounds.running import coordinator, flower, site
from grandrounds.running.folders import Places


def test_a_coordinators_executor_looks_for_its_one_task_a_run_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a site that has not joined is refused, which is not what this is about
    for name in ("read_settings", "open_identity"):
        monkeypatch.setattr(site, name, lambda *_: SimpleNamespace(name="north"))
    of_coordinator = coordinator._executor(Places(tmp_path), "127.0.0.1:1", None)
    of_site = site._executor(tmp_path, "127.0.0.1:1", None)
    assert float(of_coordinator.environment[flower.LOOK]) >= 1.0
    assert float(of_site.environment[flower.LOOK]) <= 0.1


def test_it_is_flower_that_reads_how_often() -> None:
    from flwr.supercore.superexec import run_superexec

    assert flower.LOOK == run_superexec._TASK_POLL_INTERVAL_ENV
