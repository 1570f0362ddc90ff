"""A site's store: a dict that a kill cannot tear."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import BadInput, WorkFailed

KEYS = st.one_of(
    st.sampled_from(["run/reply/1/publish", "run/peer-first/north", "..", "/etc/passwd", ""]),
    st.text(max_size=8),
)
CHANGES = st.lists(
    st.one_of(
        st.dictionaries(KEYS, st.binary(max_size=20), max_size=4),
        KEYS,
    ),
    max_size=8,
)


@settings(deadline=None)  # it syncs each change to the disk
@given(CHANGES, st.sampled_from([1, 3, 32]))
def test_it_holds_what_a_dict_would_hold(changes: list[dict[str, bytes] | str], most: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("grandrounds_client.store._MOST", most)
        store, model = DirectoryStore(Path(folder) / "store"), dict[str, bytes]()
        for change in changes:
            if isinstance(change, dict):
                store.update(change)
                model.update(change)
            else:
                assert store.pop(change, None) == model.pop(change, None)
            assert dict(store) == model
        assert dict(DirectoryStore(Path(folder) / "store")) == model
        assert len(store) == len(model)
        assert [path.name for path in Path(folder).iterdir()] == ["store"]


def test_it_can_be_set_cleared_and_asked_for_what_it_lacks(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store["a"] = b"1"
    store.update([("b", b"2")], c=b"")
    assert dict(store) == {"a": b"1", "b": b"2", "c": b""}
    assert store.get("d") is None
    with pytest.raises(KeyError):
        del store["d"]
    store.clear()
    assert dict(DirectoryStore(tmp_path)) == {}


def test_another_reader_sees_what_was_written_before_it_looked(tmp_path: Path) -> None:
    writer, reader = DirectoryStore(tmp_path), DirectoryStore(tmp_path)
    writer["a"] = b"1"
    assert reader["a"] == b"1"
    writer.update({"a": b"2", "b": b"3"})
    assert dict(reader) == {"a": b"2", "b": b"3"}


def test_a_store_that_changes_for_ever_stays_small(tmp_path: Path) -> None:
    store, early = DirectoryStore(tmp_path), DirectoryStore(tmp_path)
    store["kept"] = b"k"
    store["gone"] = b"g"
    assert set(early) == {"kept", "gone"}
    del store["gone"]
    for number in range(100):
        store["reply"] = number.to_bytes(1000, "little")
    files = list(tmp_path.iterdir())
    assert len(files) <= 32
    assert sum(path.stat().st_size for path in files) < 32 * 1100
    # one that looked before the files it knew were merged, and one that comes later
    for reader in (early, DirectoryStore(tmp_path)):
        assert dict(reader) == {"kept": b"k", "reply": (99).to_bytes(1000, "little")}


def test_a_store_without_room_to_merge_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grandrounds_client.store._MOST", 2)
    store = DirectoryStore(tmp_path)
    for number in range(2):
        store[str(number)] = b"x"
    whole = DirectoryStore._merge
    monkeypatch.setattr(DirectoryStore, "_merge", raises(OSError(28, "No space left on device")))
    store["2"] = b"x"
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(DirectoryStore, "_merge", whole)
    store["3"] = b"x"
    assert set(DirectoryStore(tmp_path)) == {"0", "1", "2", "3"}
    assert len(list(tmp_path.iterdir())) == 1


MERGED = """
import os, signal, sys
from pathlib import Path
from grandrounds_client import store
store._MOST = 3
here = store.DirectoryStore(Path(sys.argv[1]))
here["gone"] = b"g"
here["kept"] = b"old"
del here["gone"]
step, calls = sys.argv[2], int(sys.argv[3])
real = getattr(os, step)
def kill(*arguments, **named):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(os, step, kill)
here["kept"] = b"new"
"""


@pytest.mark.parametrize(
    ("step", "call"),
    [("replace", 2), ("unlink", 1), ("unlink", 2), ("unlink", 3), ("unlink", 4), ("fsync", 5)],
)
def test_a_kill_while_batches_are_merged_loses_and_brings_back_nothing(
    step: str, call: int, tmp_path: Path
) -> None:
    arguments = [sys.executable, "-c", MERGED, str(tmp_path), step, str(call)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert dict(DirectoryStore(tmp_path)) == {"kept": b"new"}


def test_its_files_are_their_owners_only(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "deep" / "store")
    store["a"] = b"1"
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "deep").rglob("*")]
    assert modes == [0, 0]


@pytest.mark.parametrize("step", ["fsync", "replace", "fdopen"])
def test_a_failure_at_any_step_of_a_change_leaves_what_was_there(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(tmp_path)
    before = {"model": b"old", "reply": b"old"}
    store.update(before)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, raises(OSError(28, "No space left on device")))
        with pytest.raises(WorkFailed) as raised:
            store.update({"model": b"new", "reply": b"new"})
    assert "No space left on device" in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert dict(store) == dict(DirectoryStore(tmp_path)) == before
    assert not list(tmp_path.glob("*.part"))
    store.update({"model": b"new"})
    assert dict(DirectoryStore(tmp_path)) == {"model": b"new", "reply": b"old"}


def test_a_change_is_there_once_renamed_even_if_the_last_sync_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(tmp_path)
    monkeypatch.setattr("grandrounds_client.store._sync", raises(OSError(5, "I/O error")))
    with pytest.raises(WorkFailed):
        store.update({"model": b"new", "reply": b"new"})
    assert dict(DirectoryStore(tmp_path)) == {"model": b"new", "reply": b"new"}


KILLED = """
import os, signal, sys
from pathlib import Path
from grandrounds_client.store import DirectoryStore
store = DirectoryStore(Path(sys.argv[1]))
store.update({"model": b"old", "reply": b"old"})
step, calls = sys.argv[2], int(sys.argv[3])
real = getattr(os, step)
def kill(*arguments, **named):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(os, step, kill)
store.update({"model": b"new" * 100_000, "reply": b"new"})
"""


@pytest.mark.parametrize(
    ("step", "call", "found"),
    [
        ("fdopen", 1, b"old"),  # an empty file aside
        ("fsync", 1, b"old"),  # written, not synced
        ("replace", 1, b"old"),  # synced, not renamed
        ("fsync", 2, b"new"),  # renamed
    ],
)
def test_a_kill_at_any_step_leaves_all_of_a_change_or_none(
    step: str, call: int, found: bytes, tmp_path: Path
) -> None:
    arguments = [sys.executable, "-c", KILLED, str(tmp_path), step, str(call)]
    done = subprocess.run(arguments, check=False)
    assert done.returncode == -signal.SIGKILL
    store = DirectoryStore(tmp_path)
    assert {value[:3] for value in store.values()} == {found}
    store["next"] = b"write"
    assert not list(tmp_path.glob("*.part"))


def test_a_reader_leaves_alone_what_a_writer_has_not_finished(tmp_path: Path) -> None:
    unfinished = tmp_path / "000000000001-x.part"
    unfinished.touch()
    assert not dict(DirectoryStore(tmp_path))
    assert unfinished.exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda _: b"", lambda _: b"x" * 40])
def test_a_damaged_file_is_told_and_never_read_as_data(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    DirectoryStore(tmp_path).update({"model": b"graph", "reply": b"yes"})
    batch = next(tmp_path.glob("*.batch"))
    batch.write_bytes(damage(batch.read_bytes()))
    with pytest.raises(WorkFailed) as raised:
        DirectoryStore(tmp_path).get("model")
    assert str(batch) in str(raised.value)


def test_a_folder_that_cannot_be_one_is_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    for folder in (file, file / "store"):
        with pytest.raises(BadInput) as raised:
            DirectoryStore(folder)
        assert str(folder) in str(raised.value)
        assert "remedy" in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anything")
def test_a_folder_without_permissions_is_told(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    store["a"] = b"1"
    (tmp_path / "store").chmod(0)
    with pytest.raises(WorkFailed):
        store["b"] = b"2"
    with pytest.raises(WorkFailed):
        store.get("a")
    (tmp_path / "store").chmod(0o700)


def test_a_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    (tmp_path / "store").rmdir()
    with pytest.raises(WorkFailed):
        store.get("a")
    with pytest.raises(WorkFailed):
        store["a"] = b"1"


def raises(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail
