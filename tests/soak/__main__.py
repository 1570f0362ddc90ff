"""Watch one long run: `python -m tests.soak [ROUNDS]`.

Starts the federation of the faults, orders one run, looks every two seconds at what every
process and folder takes, and says at the end whether anything grows (exit code 1). A look is a
JSON line of `out/soak.jsonl`; `out/soak.svg` draws them.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from grandrounds.coordinating.follow import kept
from grandrounds.coordinating.order import make_order, write_order
from grandrounds.running import control
from tests.faults.stack import RULES, Stack, running
from tests.soak.growth import WARM
from tests.soak.plot import draw
from tests.soak.report import verdict
from tests.soak.sampling import folders, processes

OUT = Path("out")
EVERY = 2.0
"""Seconds between two looks."""
ROUNDS = 20
RUN = "soak"
IDLE = 330.0
"""Seconds before the run in which nobody works. A node remembers for 305 seconds that an executor
asked: so long its memory only fills, whatever comes after."""


def look(stack: Stack, since: float, **where: object) -> dict[str, object]:
    """Return one line of the record."""
    return {
        "at": round(time.monotonic() - since, 3),
        **where,
        "processes": processes(stack),
        "folders": folders(stack),
    }


def watch(stack: Stack, rounds: int) -> Iterator[dict[str, object]]:
    """Order a run, and look until it has ended."""
    since = time.monotonic()
    while time.monotonic() < since + IDLE:
        yield look(stack, since, round=0, phase="idle")
        time.sleep(EVERY)
    write_order(stack.state, make_order(run=RUN, rounds=rounds, phase_timeout=600.0))
    control.submit(stack.world.coordinator)
    number, at, phase = 0, 0, "start"
    while stack.ended(RUN) is None or not number:
        begun = time.monotonic()
        if stack.events(RUN):
            for line in kept(stack.state, RUN, number).lines:
                number = line.number
                if line.event.what == "phase":
                    at, phase = line.event.round, str(line.event.phase)
        yield look(stack, since, round=at, phase=phase)
        time.sleep(max(0.0, EVERY - (time.monotonic() - begun)))
    ended = stack.ended(RUN)
    assert ended is not None
    assert ended.status == "done", f"the run is {ended.status}: {ended.reason}"


def main(rounds: int) -> int:
    """Watch a run; return 0 where nothing grows."""
    OUT.mkdir(exist_ok=True)
    # of each candidate there may be a second attempt
    rules = f"{RULES}\nreview_max = {2 * rounds}"
    lines = []
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        running(Path(folder), rules) as stack,
        (OUT / "soak.jsonl").open("w") as record,
    ):
        for line in watch(stack, rounds):
            record.write(json.dumps(line) + "\n")
            record.flush()
            lines.append(line)
    (OUT / "soak.svg").write_text(draw(lines))
    said, grows = verdict(lines)
    sys.stdout.write(said)
    return int(grows)


if __name__ == "__main__":
    # told to end, it ends all that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    if asked < WARM + 3:
        sys.exit(f"at least {WARM + 3} rounds: {WARM} do not count, and the rest has three thirds")
    sys.exit(main(asked))
