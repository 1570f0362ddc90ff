"""What deployment costs is told phase by phase, and whether it changed the result."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from grandrounds.bench.deployment import Report, Row, answer_times, show
from grandrounds.bench.deployment_stack import allow

ROWS = tuple(
    Row(phase, (1.0, 2.0, 3.0), (4.0, 5.0, 9.0), 2.5, 3_000_000, 1_500_000)
    for phase in ("publish", "distill", "retrain", "review", "adopt")
)
SAME: dict[str, tuple[str, ...]] = {
    "in one process": ("ab", "ab", "ab"),
    "between processes": ("ab", "ab", "ab"),
}
REPORT = Report("a processor", {"flwr": "1"}, 7, "guarded", 1, SAME, ROWS)


def printed(report: Report) -> str:
    console = Console(width=80)
    with console.capture() as shown:
        show(console, report)
    return shown.get()


def test_a_phase_is_shown_by_medians_with_their_range_and_ratio() -> None:
    text = printed(REPORT)
    (line,) = [line for line in text.splitlines() if "distill" in line]
    assert line.split() == [
        "distill",
        "2.0",
        "(1.0-3.0)",
        "5.0",
        "(4.0-9.0)",
        "2.5",
        *("2.5", "3.00", "1.50"),
    ]
    assert "10.0 (5.0-15.0)" in text, "the sum of all phases"
    assert "\u2026" not in text, "a column was cut"


def test_a_site_takes_part_in_the_federations_recipe_and_in_the_one_that_is_measured(
    tmp_path: Path,
) -> None:
    (tmp_path / "site.toml").write_text('name = "north"\n\n[privacy]\nbudget = 3\n')
    allow(tmp_path, {"private", "guarded"})
    assert tomllib.loads((tmp_path / "site.toml").read_text()) == {
        "recipes": ["guarded", "private"],
        "name": "north",
        "privacy": {"budget": 3},
    }


def test_runs_that_differ_are_not_called_the_same() -> None:
    assert "All runs came to the same digest" in printed(REPORT)
    other = replace(REPORT, digests={**SAME, "between processes": ("ab", "ab", "cd")})
    assert "The digests differ" in printed(other)
    assert [json.loads(each.to_json())["same"] for each in (REPORT, other)] == [True, False]


def test_answers_are_timed_from_their_own_question() -> None:
    lines = [
        {"what": "phase", "phase": "adopt", "time": 0.0},
        {"what": "asked", "phase": "adopt", "site": "a", "time": 1.0},
        {"what": "asked", "phase": "adopt", "site": "b", "time": 2.0},
        {"what": "answered", "phase": "adopt", "site": "b", "time": 5.0},
        {"what": "asked", "phase": "adopt", "site": "a", "time": 6.0},
        {"what": "answered", "phase": "adopt", "site": "a", "time": 7.0},
        {"what": "asked", "phase": "review", "site": "a", "time": 8.0},
    ]
    assert answer_times(lines, "adopt") == [3.0, 1.0]
