"""What the soak makes of its looks: whether something grows, and a plot."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from tests.soak.growth import MIB, Line, series
from tests.soak.plot import draw
from tests.soak.report import verdict
from tests.soak.sampling import processes

ROUNDS, LOOKS = 20, 10
Shape = Callable[[int], float]
"""From a round's number to a figure."""


def steady(_round: int) -> float:
    return 100.0


def looks(memory: Shape = steady, disk: Shape = steady) -> list[Line]:
    """Make the looks of a run in which the link and its database take so many MiB."""
    found: list[Line] = []
    for at in range(LOOKS * (ROUNDS + 1)):
        number = at // LOOKS
        names = ["coordinator/link", "east/node", "west/node", "east/app"]
        usage = {"anonymous": 50 * MIB, "descriptors": 9, "threads": 3, "seconds": at / 10}
        found.append(
            {
                "at": 2.0 * at,
                "round": number,
                "phase": "publish" if number else "idle",
                "processes": {name: dict(usage) for name in names},
                "folders": {
                    name: {"bytes": MIB, "files": 2}
                    for name in ("coordinator/link's database", "east/ledger", "west/ledger")
                },
            }
        )
        found[-1]["processes"]["coordinator/link"]["anonymous"] = memory(number) * MIB
        found[-1]["folders"]["coordinator/link's database"]["bytes"] = disk(number) * MIB
    return found


def grown(lines: list[Line]) -> set[str]:
    return {f"{each.name} {each.figure}" for each in series(lines) if each.grows}


@pytest.mark.parametrize(
    "shape",
    [
        steady,
        lambda number: 100 + 30 * (number <= 2),
        lambda number: 100 + 20 * (1 - 0.5**number),
        lambda number: 100 + min(number, 9),
        lambda number: 100 + 8 * (number % 4),
        lambda number: 100 + (50 if number == 17 else 0),
    ],
    ids=["steady", "warm", "ever less", "at rest", "tidied up", "one odd round"],
)
def test_what_comes_to_an_end_does_not_grow(shape: Shape) -> None:
    assert grown(looks(shape, shape)) == set()


@pytest.mark.parametrize(
    "shape",
    [
        lambda number: 100 + 0.2 * number,
        lambda number: 100 + 0.2 * number - 20 * (number % 7 == 0),
        lambda number: 100 + 0.2 * number + 0.1 * (number % 2),
    ],
    ids=["line", "odd rounds", "noise"],
)
def test_what_gains_in_every_round_grows(shape: Shape) -> None:
    assert grown(looks(shape)) == {"coordinator/link memory"}
    assert grown(looks(disk=shape)) == {"coordinator/link's database disk"}


def test_a_ledger_may_gain_what_it_writes_of_a_round() -> None:
    def with_ledger(each: int) -> list[Line]:
        lines = looks()
        for line in lines:
            line["folders"]["west/ledger"]["bytes"] = each * line["round"]
        return lines

    assert grown(with_ledger(9_000)) == set()
    assert grown(with_ledger(200_000)) == {"west/ledger disk"}


def test_the_verdict_names_what_grows_and_sums_up_the_sites() -> None:
    said, grows = verdict(looks())
    assert not grows
    assert said.count("| site/node |") == 1
    assert said.endswith("nothing grows without bound\n")
    said, grows = verdict(looks(lambda number: 100.0 + number))
    assert grows
    assert said.endswith("grows: coordinator/link (memory)\n")


def test_the_plot_has_a_curve_for_each_part_and_no_labels_that_touch() -> None:
    text = draw(looks())
    root = ET.fromstring(text)  # noqa: S314 (our own)
    assert len(root.findall(".//{*}polyline")) == 4
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into Flower's processes")
def test_a_look_sees_a_process_and_what_it_holds() -> None:
    code = "import time; held = bytearray(b'x') * (64 << 20); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        stack = SimpleNamespace(started={"coordinator": process})
        deadline = time.monotonic() + 30
        usage = {"anonymous": 0.0}
        while usage["anonymous"] < 64 * MIB and time.monotonic() < deadline:
            time.sleep(0.05)
            usage = processes(stack)["coordinator/supervisor"]  # type: ignore[arg-type]
        process.kill()
    assert 64 * MIB < usage["anonymous"] < 128 * MIB
    assert (usage["threads"], usage["processes"]) == (1, 1)
    assert usage["descriptors"] >= 3
    assert json.dumps(usage)
