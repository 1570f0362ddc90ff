"""Run the matrix, or a shard of it: `python -m tests.faults [I/N]`. What passed is not run again.

Each outcome is a JSON line of `out/faults.jsonl`. A fault that did not pass runs again the
next time, and its last line counts.
"""

import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from grandrounds_server.outcome import result_digest
from tests.deploy.coordinating.world import make_federation
from tests.deploy.running.test_stack import in_process
from tests.faults.matrix import MATRIX
from tests.faults.stack import RULES, SITES, Stack, running
from tests.faults.suffer import Fault, Outcome, suffer

RECORD = Path("out/faults.jsonl")


def digest_in_process(root: Path) -> str:
    """Return what the same federation comes to in one process."""
    return result_digest(in_process(make_federation(root, RULES, SITES)))


def passed(record: Path) -> set[str]:
    """Return the faults that need not run again."""
    if not record.exists():
        return set()
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return {name for name, ok in {line["fault"]: line["passed"] for line in lines}.items() if ok}


def shard(faults: Sequence[Fault], which: str) -> Sequence[Fault]:
    """Return part I of N, as in `2/4`."""
    part, parts = (int(number) for number in which.split("/"))
    return faults[part - 1 :: parts]


def outcomes(root: Path, faults: Sequence[Fault], digest: str) -> Iterator[Outcome]:
    """Do one fault after the other to one federation; to a fresh one after one that failed."""
    left = list(faults)
    for attempt in range(len(faults)):
        if not left:
            return
        with running(root / str(attempt)) as stack:
            for outcome in _on(stack, left, digest):
                yield outcome
                if not outcome.passed:
                    break


def _on(stack: Stack, left: list[Fault], digest: str) -> Iterator[Outcome]:
    while left:
        fault = left.pop(0)
        try:
            yield suffer(stack, fault, f"run-{len(left)}", digest)
        except Exception as error:  # noqa: BLE001 (whatever it is, the others are to run)
            seen = f"{type(error).__name__}: {error}"
            yield Outcome(fault.name, fault.expected, seen, 0.0, passed=False)


def main(which: str) -> int:
    """Run what is missing; return 0 where all passed."""
    RECORD.parent.mkdir(exist_ok=True)
    done = passed(RECORD)
    missing = [fault for fault in shard(MATRIX, which) if fault.name not in done]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, RECORD.open("a") as record:
        digest = digest_in_process(Path(folder) / "in-process")
        for outcome in outcomes(Path(folder), missing, digest):
            failed += not outcome.passed
            record.write(json.dumps(outcome.fields) + "\n")
            record.flush()
            said = "passed" if outcome.passed else f"FAILED {outcome.seen}"
            sys.stdout.write(f"{outcome.seconds:6.1f} s  {outcome.fault}: {said}\n")
            sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    # told to end, it ends all that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(*sys.argv[1:] or ["1/1"]))
