"""The coordinator's memory does not grow with what a round carries, and its disk is clean after."""

import os
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from grandrounds.in_process import InProcessGrid
from grandrounds_client.app import read_bytes, write_bytes
from grandrounds_protocol.envelope.padding import LENGTH_BYTES
from grandrounds_protocol.errors import WorkFailed
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import PHASES, Phase, ReplyBody
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.signed import Signed
from grandrounds_server import spool
from grandrounds_server.app import GridPost
from grandrounds_server.asking import Asking, Patience
from grandrounds_server.rounds import Ask, Finished, run
from grandrounds_server.spool import on_disk
from grandrounds_server.state import Plan
from grandrounds_server.steps import Answer
from tests import keys
from tests.server.test_rounds import report

LOAD = (1 << 18) - LENGTH_BYTES
"""Bytes of each payload."""
SITES = tuple(f"site-{number}" for number in range(60))
PLAN = Plan("r", SITES, "0" * 64, Rules(peers_per_round=4), keys.ROSTER)


def heavy(instruction: Instruction) -> Reply:
    """Answer as an honest site, with a payload in each parcel."""
    said, parcels = report(instruction)
    full = tuple(Parcel(p.kind, p.sender, p.recipients, bytes(LOAD)) for p in parcels)
    parcels = keys.sealed(instruction.heading, full)
    return Reply(ReplyBody(heading=instruction.heading, report=said), parcels)


def heavy_app() -> ClientApp:
    app = ClientApp()

    def handle(message: Message, _: Context) -> Message:
        question = read_bytes(message)
        body = bytes(Signed.from_bytes(question).body)
        reply = keys.answered(heavy(Instruction.from_bytes(body)), question)
        return Message(write_bytes(reply), reply_to=message)

    for phase in PHASES:
        app.query(phase)(handle)
    return app


def going(ask: Ask) -> Finished:
    return run(PLAN, ask, clock=lambda: 0.0, watch=lambda *_: None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the temporary folder, so that a test sees what lies in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_round_of_many_times_the_memory_allowed(folder: Path) -> None:
    grid = InProcessGrid(heavy_app(), SITES)
    carried: dict[Phase, list[int]] = {phase: [0, 0] for phase in PHASES}

    def meter(phase: Phase, sent: int, received: int) -> None:
        carried[phase][0] += sent
        carried[phase][1] += received

    tracemalloc.start()
    try:
        post = GridPost(grid, lambda: grid.nodes)
        finished = going(Asking(post, keys.OFFICE, Patience(5.0), meter=meter))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(finished.rounds[0].adopted) == len(SITES)
    assert carried["publish"][1] > 60 * LOAD
    assert carried["distill"][0] > 240 * LOAD
    assert carried["distill"][1] > 240 * LOAD
    assert peak < 60 * LOAD  # a few messages of four payloads, each in a few copies
    assert list(folder.iterdir()) == []


def straight(instructions: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
    for site, instruction in instructions:
        yield site, heavy(instruction)


def test_the_order_of_arrival_changes_nothing() -> None:
    def backwards(asked: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
        yield from reversed([(site, light(text)) for site, text in asked])

    def forwards(asked: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
        yield from ((site, light(text)) for site, text in asked)

    def light(text: Instruction) -> Reply:
        said, parcels = report(text)
        seen.setdefault(text.heading.site, []).append([p.sender for p in text.parcels])
        sealed = keys.sealed(text.heading, parcels)
        return Reply(ReplyBody(heading=text.heading, report=said), sealed)

    outcomes = []
    for ask in (forwards, backwards):
        seen: dict[str, list[list[str]]] = {}
        outcomes.append((going(ask).rounds, sorted(seen.items())))
    assert outcomes[0] == outcomes[1]


def test_payloads_lie_where_nobody_else_can_read_and_no_name_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    names: list[Path] = []
    real = spool.SpoolFile.put

    def put(self: spool.SpoolFile, payload: spool.Bytes) -> spool.Place:
        place = real(self, payload)
        modes.append(os.fstat(self._file.fileno()).st_mode & 0o777)
        names.extend(folder.iterdir())
        return place

    monkeypatch.setattr(spool.SpoolFile, "put", put)
    going(straight)
    assert set(modes) == {0o600}
    assert names == []


def test_a_run_that_breaks_off_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[IO[bytes]] = []
    real = tempfile.TemporaryFile

    def opening(**named: Any) -> IO[bytes]:
        opened.append(real(**named))
        return opened[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", opening)

    def broken(asked: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
        for site, text in asked:
            if text.heading.phase == "distill":
                raise RuntimeError("the grid is gone")
            yield site, heavy(text)

    with pytest.raises(RuntimeError):
        going(broken)
    assert list(folder.iterdir()) == []
    assert [file.closed for file in opened] == [True]


def test_a_full_disk_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(WorkFailed, match="No space left") as raised:
        going(straight)
    assert str(folder) in str(raised.value)
    assert "TMPDIR" in str(raised.value)


def test_a_spool_gives_back_what_it_took() -> None:
    payloads = [b"", b"abc", bytes(range(256)) * 5000, b"z"]
    with on_disk() as kept:
        places = [kept.put(payload) for payload in payloads]
        assert [kept.take(place) for place in reversed(places)] == payloads[::-1]
        assert kept.take(kept.put(b"later")) == b"later"
