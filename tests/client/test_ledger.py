"""The ledger: a chain that shows what was changed, and without which nothing leaves."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds_client.ledger import (
    NOTHING,
    InMemory,
    Ledger,
    RefusedEntry,
    RosterEntry,
    check_head,
)
from grandrounds_client.ledger_file import LedgerFile
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadLedger, WorkFailed

Change = Callable[[list[bytes]], list[bytes]]


def refused(what: str) -> RefusedEntry:
    return RefusedEntry(run="r", what=what, code="BadEnvelope")


def written(path: Path, count: int = 5) -> Ledger:
    ledger = Ledger(LedgerFile(path))
    for number in range(count):
        ledger.write([refused(f"release of site-{number}")], 1000 + number)
    return ledger


def test_an_empty_ledger_has_a_head() -> None:
    assert Ledger(InMemory()).head == LedgerHead(entries=0, digest=NOTHING)


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    ledger = written(tmp_path / "ledger")
    entries = list(Ledger(LedgerFile(tmp_path / "ledger")).entries())
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.time for entry in entries] == [1000, 1001, 1002, 1003, 1004]
    assert ledger.head == Ledger(LedgerFile(tmp_path / "ledger")).head


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    written(tmp_path / "ledger")
    assert (tmp_path / "ledger").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:2], lines[2].replace(b"site-2", b"site-9"), *lines[3:]],
        lambda lines: [*lines[:1], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: lines[1:],
        lambda lines: [*lines[:2], lines[2].replace(b'"time":1002', b'"time": 1002'), *lines[3:]],
    ],
    ids=["edited", "taken out", "reordered", "doubled", "head cut", "respelled"],
)
def test_a_ledger_edited_or_reordered_fails_verification(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "ledger"
    written(path)
    path.write_bytes(b"\n".join([*change(path.read_bytes().splitlines()), b""]))
    with pytest.raises(BadLedger, match="line"):
        list(Ledger(LedgerFile(path)).entries())
    with pytest.raises(BadLedger):
        Ledger(LedgerFile(path)).write([refused("x")], 2000)


def test_a_cut_tail_shows_against_a_head_that_a_peer_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    kept = written(path).head
    check_head(Ledger(LedgerFile(path)), kept, "a peer")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert Ledger(LedgerFile(path)).head.entries == 3
    with pytest.raises(BadLedger, match="shorter than the 5 entries"):
        check_head(Ledger(LedgerFile(path)), kept, "a peer")


def test_a_ledger_written_anew_shows_against_a_head_that_a_peer_kept(tmp_path: Path) -> None:
    kept = written(tmp_path / "ledger", 3).head
    other = Ledger(InMemory())
    for _ in range(5):
        other.write([RosterEntry(version=1, roster="0" * 64)], 1)
    with pytest.raises(BadLedger, match="not the one"):
        check_head(other, kept, "a peer")


def test_a_line_that_a_crash_cut_was_never_said_and_the_next_takes_its_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger"
    before = written(path).head
    with path.open("ab") as file:
        file.write(b'{"before":"half a li')
    ledger = Ledger(LedgerFile(path))
    assert ledger.head == before
    ledger.write([refused("next")], 2000)
    assert Ledger(LedgerFile(path)).head.entries == 6


def test_one_process_sees_what_another_wrote(tmp_path: Path) -> None:
    first, second = (Ledger(LedgerFile(tmp_path / "ledger")) for _ in range(2))
    for number in range(4):
        (first, second)[number % 2].write([refused(str(number))], number)
    assert first.head == second.head
    assert first.head.entries == 4


def test_a_line_that_another_process_wrote_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    written(path, 1)
    with pytest.raises(WorkFailed, match="another process"):
        LedgerFile(path).append(b"{}\n", 0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = written(path)
    path.chmod(0o400)
    with pytest.raises(WorkFailed, match="nothing leaves"):
        ledger.write([refused("x")], 2000)


def test_a_full_disk_leaves_the_ledger_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    ledger = written(path)
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkFailed, match="No space left"):
        ledger.write([refused("x")], 2000)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert ledger.write([refused("x")], 2000).entries == 6
