"""Run a federation, some of whose peers release models that no site should suffer from.

    python -m tests.deploy.hostile_models FOLDER OUT

runs it twice in one process: first with sound models, so that what a run takes anyway is
known, then with those of `RELEASED`. It prints by how many bytes the second run took this
process's memory beyond its peak of the first.
"""

import resource
import sys
from dataclasses import replace
from pathlib import Path

from onnx import helper

from grandrounds.cli import run_command
from grandrounds_client import phases, site
from grandrounds_client.phases import Outcome, Question
from grandrounds_client.worker import Worker, WorkerLimits, started
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.release import ModelRelease
from tests.vectors.sound import model


def million_nodes() -> bytes:
    """A graph of a million nodes in 14 MB, which is less than a file may have."""
    nobody = model([])
    (node,) = model([helper.make_node("Relu", ["X"], ["X"])]).graph.node
    written: bytes = node.SerializeToString()
    graph: bytes = (
        nobody.graph.SerializeToString() + (b"\x0a" + _varint(len(written)) + written) * 10**6
    )
    nobody.ClearField("graph")
    rest: bytes = nobody.SerializeToString()
    return rest + b"\x3a" + _varint(len(graph)) + graph


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


RELEASED = {
    "lombardy": million_nodes(),
    "sicily": b"allocate 50 GB",
    "umbria": b"hang",
}
"""What these sites release, and offer as candidates."""


honest = phases.perform


def hostile(question: Question) -> Outcome:
    """Do what an honest site does, but for the model."""
    outcome = honest(question)
    if question.site.name not in RELEASED:
        return outcome
    return replace(outcome, parcels=tuple(_another(parcel) for parcel in outcome.parcels))


def _another(parcel: Parcel) -> Parcel:
    if parcel.kind == "instances":
        return parcel
    card = ModelRelease.from_bytes(parcel.payload).card
    payload = ModelRelease(card, RELEASED[parcel.sender]).to_bytes()
    return Parcel(parcel.kind, parcel.sender, parcel.recipients, payload)


def peak() -> int:
    """Bytes that this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(folder: Path, out: Path) -> int:
    """Run both; return the exit code of the second."""
    limits = WorkerLimits(memory=2 * 2**30, seconds=20.0, per_prediction=0.0, per_search=0.0)
    started.__dict__["SERVE"] = "tests.client.worker.misbehaving"
    worker = Worker(limits)
    site.__dict__["shared_worker"] = lambda: worker
    command = ["simulate", str(folder), "--recipe", "paper", "--seed", "3"]
    run_command([*command, "--out", str(out / "sound")])
    before = peak()
    phases.__dict__["perform"] = hostile
    code = run_command([*command, "--out", str(out / "hostile")])
    worker.close()
    print(f"grew by {peak() - before} bytes")  # noqa: T201 (what the test reads)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
