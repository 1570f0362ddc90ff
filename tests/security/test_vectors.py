"""Every attack file is refused at its door: by name, at once, and before anything runs."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import onnxruntime
import pytest

from grandrounds_client.vet import vet
from grandrounds_protocol.errors import GrandRoundsError, Refused
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.release import ModelRelease
from tests.vectors import sound
from tests.vectors.attacks import cards, messages, rows
from tests.vectors.attacks.foreign import CANARY
from tests.vectors.make_vectors import FOLDER, recipes

MANIFEST: dict[str, dict[str, str]] = json.loads((FOLDER / "manifest.json").read_text())
RECIPES = {
    f"{door}/{name}": (error, made, says)
    for door, (error, family) in recipes().items()
    for name, (made, says) in family.items()
}
SECONDS = 30.0
"""Of processor time: seconds, not minutes, on any machine, with or without coverage."""
MEGABYTES = 512


def open_model(data: bytes) -> object:
    return vet(data, name="north", algorithm="tree", width=sound.WIDTH, classes=sound.CLASSES)


def open_rows(data: bytes) -> object:
    return VirtualInstances.from_bytes(data, rows.BOUNDS)


DOORS: dict[str, Callable[[bytes], object]] = {
    "models": open_model,
    "releases": ModelRelease.from_bytes,
    "rows": open_rows,
    "messages": Instruction.from_bytes,
}


@pytest.fixture
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("onnxruntime was reached")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    yield
    assert CANARY not in sys.modules


def refusal(door: str, data: bytes) -> GrandRoundsError:
    started = time.process_time()
    with pytest.raises(Refused) as refused:
        DOORS[door](data)
    assert time.process_time() - started < SECONDS
    return refused.value


def check(error: GrandRoundsError, code: str, says: str) -> None:
    assert error.code == code
    assert says in str(error)
    assert error.where, "the message names no field"
    assert len(str(error)) < 400
    assert str(error).isascii()
    assert str(error).replace("\n", " ").isprintable()
    assert error.__cause__ is None


@pytest.mark.usefixtures("_nothing_runs")
@pytest.mark.parametrize("path", sorted(MANIFEST))
def test_an_attack_file_is_refused_by_name_before_anything_runs(path: str) -> None:
    expected = MANIFEST[path]
    error = refusal(path.partition("/")[0], (FOLDER / f"{path}.bin").read_bytes())
    check(error, expected["error"], expected["says"])


@pytest.mark.usefixtures("_nothing_runs")
@pytest.mark.parametrize("path", sorted(RECIPES))
def test_a_large_attack_is_refused_by_name_before_anything_runs(path: str) -> None:
    code, made, says = RECIPES[path]
    data = made if isinstance(made, bytes) else made.SerializeToString()
    check(refusal(path.partition("/")[0], data), code, says)


def test_every_attack_file_stands_in_the_manifest() -> None:
    files = [file for door in DOORS for file in (FOLDER / door).glob("*.bin")]
    assert {f"{file.parent.name}/{file.stem}" for file in files} == set(MANIFEST)
    assert max(file.stat().st_size for file in files) < 200_000


@pytest.mark.parametrize(
    ("door", "data"),
    [
        ("models", sound.tree().SerializeToString()),
        ("models", sound.network().SerializeToString()),
        ("releases", cards.sound()),
        ("rows", rows.sound().to_bytes()),
        ("messages", messages.sound()),
    ],
)
def test_what_the_attacks_are_made_from_is_let_in(door: str, data: bytes) -> None:
    DOORS[door](data)


@pytest.mark.slow
def test_no_attack_takes_much_memory() -> None:
    root = Path(__file__).parents[2]
    run = [sys.executable, "-m", "tests.security.test_vectors"]
    told = subprocess.run(run, check=True, capture_output=True, text=True, cwd=root)
    assert int(told.stdout) < MEGABYTES


def megabytes() -> int:
    """Return by how much all files and recipes raised this process's peak."""
    made = [
        (path.partition("/")[0], made if isinstance(made, bytes) else made.SerializeToString())
        for path, (_, made, _) in RECIPES.items()
    ]
    stored = [(path.partition("/")[0], (FOLDER / f"{path}.bin").read_bytes()) for path in MANIFEST]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for door, data in stored + made:
        refusal(door, data)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


if __name__ == "__main__":
    sys.stdout.write(f"{megabytes()}\n")
