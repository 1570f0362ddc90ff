"""The ledger: a chain that shows what was changed, and without which nothing leaves."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds_client.ledger import (
    EMPTY,
    NOTHING,
    AnsweredEntry,
    InMemory,
    Ledger,
    RefusedEntry,
    RosterEntry,
    check_head,
)
from grandrounds_client.ledger_file import LedgerFile
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadLedger, OpenToOthers, WorkFailed
from grandrounds_protocol.times import DAY

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
    for name in ("ledger", "ledger.head"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


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


def anew(path: Path, kept: int, count: int) -> None:
    """Write the ledger again: so many first lines as they were, others up to `count`."""
    lines = InMemory()
    for number in range(count):
        word = "release of site" if number < kept else "another of site"
        Ledger(lines).write([refused(f"{word}-{number}")], 1000 + number)
    path.write_bytes(lines.read(0))


def last_line_edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"site-4", b"site-9"))


def tail_cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))


@pytest.mark.parametrize(
    "change",
    [
        last_line_edited,
        tail_cut,
        lambda path: path.unlink(),
        lambda path: anew(path, 2, 5),
        lambda path: anew(path, 2, 9),
        lambda path: anew(path, 5, 7),
        lambda path: path.with_suffix(".head").unlink(),
        lambda path: path.with_suffix(".head").write_bytes(b""),
        lambda path: path.with_suffix(".head").write_bytes(b"{}"),
    ],
    ids=["edited", "cut", "gone", "anew", "longer", "added", "no head", "empty head", "bad head"],
)
def test_a_ledger_other_than_the_site_left_it_shows_at_home(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "ledger"
    written(path).check_kept()
    anew(path, 5, 5)
    Ledger(LedgerFile(path)).check_kept()  # the very same lines
    change(path)
    changed = path.read_bytes() if path.exists() else None
    with pytest.raises(BadLedger):
        Ledger(LedgerFile(path)).check_kept()
    with pytest.raises(BadLedger):
        Ledger(LedgerFile(path)).write([refused("next")], 2000)
    with pytest.raises(BadLedger):
        Ledger(LedgerFile(path)).write_once_a_day(refused("release of site-0"), 1000)
    assert (path.read_bytes() if path.exists() else None) == changed


@pytest.mark.parametrize("count", [0, 5])
@pytest.mark.parametrize("events", [1, 3])
def test_a_crash_before_the_head_was_kept_does_not_lock_the_site_out(
    tmp_path: Path, count: int, events: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    ledger = written(path, count)

    def killed(_: LedgerFile, head: LedgerHead) -> None:
        if head.entries > count:
            raise KeyboardInterrupt
        keep(LedgerFile(path), head)

    keep = LedgerFile._keep
    monkeypatch.setattr(LedgerFile, "_keep", killed)
    with pytest.raises(KeyboardInterrupt):
        ledger.write([refused("last")] * events, 2000)
    monkeypatch.undo()
    after = Ledger(LedgerFile(path))
    assert after.head.entries == count + events
    after.check_kept()
    after.write([refused("next")], 3000)
    Ledger(LedgerFile(path)).check_kept()
    assert LedgerFile(path).kept() == after.head


def test_a_head_that_cannot_be_kept_is_never_more_than_one_write_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    ledger = written(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LedgerFile, "_keep", full)
    for time in (2000, 3000):
        with pytest.raises(WorkFailed, match="No space left"):
            ledger.write([refused("x")], time)
    monkeypatch.undo()
    after = Ledger(LedgerFile(path))
    after.write([refused("next")], 4000)
    assert after.head.entries == 7


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("name", ["ledger", "ledger.head"])
def test_a_ledger_open_to_others_is_neither_read_nor_written(
    tmp_path: Path, name: str, mode: int
) -> None:
    written(tmp_path / "ledger")
    (tmp_path / name).chmod(mode)
    with pytest.raises(OpenToOthers, match=f"chmod 600 {tmp_path / name}"):
        Ledger(LedgerFile(tmp_path / "ledger")).check_kept()
    with pytest.raises(OpenToOthers):
        Ledger(LedgerFile(tmp_path / "ledger")).write([refused("x")], 2000)


def test_a_ledger_removed_while_the_site_works_is_said_to_be_gone(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = written(path)
    path.unlink()
    with pytest.raises(BadLedger, match="removed or cut"):
        ledger.write([refused("x")], 2000)
    assert not path.exists()
    path.touch(0o600)
    with pytest.raises(BadLedger, match="removed or cut"):
        ledger.write([refused("x")], 2000)


def test_a_refusal_that_anybody_can_cause_has_one_line_a_day(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    failed = AnsweredEntry(
        run="r", round=1, attempt=1, phase="publish", question=NOTHING, failure="Stale"
    )
    for _ in range(3):
        ledger = Ledger(LedgerFile(path))  # as after a restart
        for second in range(4):
            ledger.write_once_a_day(refused("instruction"), DAY + second)
            ledger.write_once_a_day(refused("score"), DAY + second)
            ledger.write_once_a_day(failed, DAY + second)
    assert ledger.head.entries == 3
    for second in range(2):
        ledger.write_once_a_day(refused("instruction"), 2 * DAY + second)
    assert ledger.head.entries == 4


def test_the_head_of_no_entries_is_one_that_every_ledger_had(tmp_path: Path) -> None:
    check_head(written(tmp_path / "ledger"), EMPTY, "a peer")
    check_head(Ledger(InMemory()), EMPTY, "a peer")
    with pytest.raises(BadLedger):
        check_head(Ledger(InMemory()), LedgerHead(entries=0, digest="1" * 64), "a peer")


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


def test_a_ledger_written_to_while_it_is_checked_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    other = written(path)

    class Busy(LedgerFile):
        """Whose head is read just before another process has a question and its answer."""

        looks = 0

        def kept(self) -> LedgerHead:
            head, self.looks = super().kept(), self.looks + 1
            if self.looks == 1:
                other.write([refused("x")], 2000)
                other.write([refused("y")], 2007)
            return head

    ledger = Ledger(Busy(path))
    ledger.check_kept()
    assert ledger.head.entries == 7


def test_a_line_that_another_process_wrote_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    written(path, 1)
    with pytest.raises(WorkFailed, match="another process"):
        LedgerFile(path).append(b"{}\n", 0, EMPTY, EMPTY)


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
