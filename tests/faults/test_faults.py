"""The short version of the matrix, and that the long one leaves nothing out."""

from pathlib import Path

import pytest

from grandrounds_protocol.records import PHASES
from tests.deploy.running.test_edge import needs_nginx
from tests.faults.__main__ import digest_in_process, outcomes, passed, shard
from tests.faults.inject import KILLS as WHOM
from tests.faults.matrix import KILLS, MATRIX

SHORT = (
    "injected instruction",
    "kill -9 coordinator's whole host at retrain",
    "kill -9 site's app process at distill",
)


@needs_nginx
@pytest.mark.slow
# the forging node speaks through Flower's own client, which hands httpx a path
@pytest.mark.filterwarnings("ignore:.*verify=<str>.*:DeprecationWarning")
def test_a_round_comes_to_the_same_whatever_is_done_to_it(tmp_path: Path) -> None:
    digest = digest_in_process(tmp_path / "in-process")
    faults = [fault for fault in MATRIX if fault.name in SHORT]
    seen = list(outcomes(tmp_path, faults, digest))
    assert [outcome.seen for outcome in seen if not outcome.passed] == []
    assert {outcome.fault for outcome in seen} == set(SHORT)


def test_every_process_is_killed_in_every_phase() -> None:
    names = {fault.name for fault in KILLS}
    assert names == {f"kill -9 {who} at {phase}" for who in WHOM for phase in PHASES}
    assert len({fault.name for fault in MATRIX}) == len(MATRIX) > len(names)


def test_shards_hold_each_fault_once() -> None:
    parts = [shard(MATRIX, f"{part}/4") for part in (1, 2, 3, 4)]
    assert sorted(fault.name for part in parts for fault in part) == sorted(
        fault.name for fault in MATRIX
    )


def test_what_passed_last_need_not_run_again(tmp_path: Path) -> None:
    record = tmp_path / "faults.jsonl"
    assert passed(record) == set()
    record.write_text(
        '{"fault": "a", "passed": false}\n{"fault": "b", "passed": true}\n'
        '{"fault": "a", "passed": true}\n{"fault": "b", "passed": false}\n'
    )
    assert passed(record) == {"a"}
