"""What the rounds were for: a hospital takes its model out, and lets it predict its rows."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from grandrounds.cli import run_command
from grandrounds.provision.site_folder import open_site_folder
from grandrounds_client.encoding import encode
from grandrounds_client.state import CURRENT, FIRST
from grandrounds_client.store import DirectoryStore
from grandrounds_client.table import read_table
from grandrounds_protocol.release import ModelRelease
from tests.deploy.coordinating.world import World, make_world

PLANTED = "74.813"
NAME, UNMOVED = "south", "north"
"""One that adopted what it was taught, and one that did not."""


@pytest.fixture(scope="module")
def federated(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """A federation after two runs, and where its sites' files lie."""
    root = tmp_path_factory.mktemp("federated")
    world = make_world(root)
    known = {world.coordinator.folder: world.coordinator}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grandrounds.coordinating.driving.open_coordinator", known.__getitem__)
        patch.setattr("grandrounds_server.asking.POLL", 0.002)
        world.run()
        world.run(run="second", rounds=2)
    return world, root / "federation"


@pytest.fixture
def hospital(
    federated: tuple[World, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A site's folder as `site join` lays it out; the working folder holds another's, too."""
    world, files = federated
    for name in (NAME, UNMOVED):
        home, folder = world.places[name].home, tmp_path / name
        shutil.copytree(files / name, folder)
        shutil.copy(files / "federation.toml", folder)
        for path in home.glob("ledger*"):
            shutil.copy(path, folder)
        shutil.copytree(home / "store", folder / "state" / "store")
    monkeypatch.chdir(tmp_path)
    return tmp_path / NAME


def kept(folder: Path, run: str, name: str) -> bytes:
    return DirectoryStore(folder / "state" / "store")[f"{run}/{name}"]


def lines_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_model_of_the_newest_run_comes_with_what_it_reads(
    hospital: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["site", "model", NAME]) == 0
    said = capsys.readouterr().out
    assert "decision tree of second" in said.lower().replace("-", " ")
    assert kept(hospital, "second", CURRENT) != kept(hospital, "second", FIRST)
    assert "it learned from peers" in said
    assert f"grandrounds site predict {NAME}" in said
    graph = Path("model.onnx").read_bytes()
    assert graph == ModelRelease.from_bytes(kept(hospital, "second", CURRENT)).onnx
    told = json.loads(Path("model.json").read_text())
    assert (told["run"], told["learned_from_peers"]) == ("second", True)
    assert (told["columns"], told["classes"]) == (["m0", "m1", "m2", "m3"], ["well", "ill"])
    # whoever reads the file needs nothing of ours
    session = onnxruntime.InferenceSession(graph)
    (given,) = session.run(["probabilities"], {"X": np.zeros((2, 4), np.float32)})
    assert given.shape == (2, 2)


@pytest.mark.usefixtures("hospital")
def test_a_model_that_learned_nothing_is_said_to_be_ones_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["site", "model", UNMOVED]) == 0
    assert "your own: no lesson was adopted" in capsys.readouterr().out
    assert json.loads(Path("model.json").read_text())["learned_from_peers"] is False


def test_of_an_earlier_run_it_is_to_be_had_by_name(hospital: Path) -> None:
    assert run_command(["site", "model", NAME, "--run", "first", "--out", "old.onnx"]) == 0
    assert (
        Path("old.onnx").read_bytes()
        == ModelRelease.from_bytes(kept(hospital, "first", CURRENT)).onnx
    )


def test_rows_without_a_label_are_predicted_as_the_model_says(
    hospital: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = lines_of(hospital / "rows.csv")
    with Path("new.csv").open("w", newline="") as file:
        csv.writer(file).writerows(row[:-1] for row in [*table[:20], ["7", *table[20][1:]]])
    assert run_command(["site", "predict", NAME, "new.csv"]) == 0
    said = capsys.readouterr().out
    assert "1 of 20 values of m0 were out of bounds, clipped" in said
    header, *predicted = lines_of(Path("predictions.csv"))
    assert header == ["row", "class", "probability of well", "probability of ill"]
    assert [int(line[0]) for line in predicted] == list(range(2, 22))
    site = open_site_folder(hospital)
    whole = encode(read_table(hospital / "rows.csv"), site.federation, site.settings)
    graph = ModelRelease.from_bytes(kept(hospital, "second", CURRENT)).onnx
    (wanted,) = onnxruntime.InferenceSession(graph).run(["probabilities"], {"X": whole.x[:19]})
    given = np.array([line[2:] for line in predicted], float)
    np.testing.assert_allclose(given[:19], wanted, atol=1e-6)
    assert [line[1] for line in predicted[:19]] == [
        ("well", "ill")[at] for at in wanted.argmax(axis=1)
    ]


@pytest.mark.usefixtures("hospital")
def test_what_others_may_not_read_they_cannot() -> None:
    assert run_command(["site", "model", NAME]) == 0
    assert run_command(["site", "predict", NAME, f"{NAME}/rows.csv"]) == 0
    for name in ("model.onnx", "model.json", "predictions.csv"):
        assert Path(name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model", NAME, "--run", "third"], "one of: first, second"),
        (["model", NAME, "--out", "model.json"], "--out"),
        (["model", NAME, "--out", "nowhere/model.onnx"], "nowhere/model.onnx"),
        (["predict", NAME, "missing.csv"], "missing.csv"),
        (["predict", NAME, "text.csv"], "row 2, column 'm0'"),
        (["predict", NAME, "narrow.csv"], "column 'm3' is missing"),
    ],
)
@pytest.mark.usefixtures("hospital")
def test_bad_input_is_one_line_without_a_value(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.csv").write_text(f"m0,m1,m2,m3\n{PLANTED}x,0,0,0\n")
    Path("narrow.csv").write_text("m0,m1,m2\n0,0,0\n")
    assert run_command(["site", *words]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert PLANTED not in said.err + said.out
    assert not Path("predictions.csv").exists()


def test_before_any_run_there_is_none(hospital: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (*hospital.glob("ledger*"), hospital / "state"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for word in (["model", NAME], ["predict", NAME, f"{NAME}/rows.csv"]):
        assert run_command(["site", *word]) == 2
        assert "no run left a model here yet" in capsys.readouterr().err
    (hospital / "federation.toml").unlink()
    assert run_command(["site", "model", NAME]) == 2
    assert "has not joined" in capsys.readouterr().err
