"""The Fashion-MNIST example deals what it says, and its experiment measures it."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

from grandrounds.simulate import prepare as open_folder
from grandrounds_client.idx import read_idx

FASHION = Path(__file__).parents[2] / "deploy" / "examples" / "fashion"
Bytes = npt.NDArray[np.uint8]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fashion_{name}", FASHION / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    return load("prepare")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, prepare: ModuleType) -> Path:
    """Write scikit-learn's digits at Fashion-MNIST's size, under its names."""
    folder = tmp_path_factory.mktemp("source")
    values, labels = load_digits(return_X_y=True)
    wide = np.kron(values.reshape(-1, 8, 8), np.ones((3, 3))) * 15
    images = np.pad(wide, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    for name, part in (("train", slice(0, 1500)), ("t10k", slice(1500, None))):
        prepare.write_idx(folder / f"{name}-images-idx3-ubyte.gz", images[part])
        prepare.write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels[part].astype(np.uint8))
    return folder


def test_every_image_is_dealt_once_and_each_site_is_short_of_its_class(
    prepare: ModuleType,
) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10, dtype=np.uint8), 6000))
    parts = prepare.deal(labels, 6000, np.random.default_rng(7))
    assert [len(part) for part in parts] == [6000] * 10
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(60_000))
    for weak, part in enumerate(parts):
        counts = np.bincount(labels[part], minlength=10)
        assert counts[weak] == 30
        assert np.delete(counts, weak).min() >= 663
        assert counts.max() <= 664


def test_the_same_seed_deals_the_same_images(prepare: ModuleType) -> None:
    labels = np.repeat(np.arange(10, dtype=np.uint8), 100)
    one, two, other = (prepare.deal(labels, 100, np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(map(np.array_equal, one, two))
    assert not all(map(np.array_equal, one, other))


def test_what_is_written_opens_as_a_federation(
    prepare: ModuleType, source: Path, tmp_path: Path
) -> None:
    assert prepare.main([str(source), "--out", str(tmp_path), "--images", "130"]) == 0
    simulation = open_folder(tmp_path)
    assert [len(site.rows.y) for site in simulation.sites.values()] == [130] * 10
    for weak, site in enumerate(simulation.sites.values()):
        assert np.bincount(site.rows.y, minlength=10).argmin() == weak
        assert getattr(site.learners[0], "shape", None) == (28, 28, 1)
    images = read_idx(source / "train-images-idx3-ubyte.gz", (28, 28)).reshape(-1, 784)
    dealt = {row.tobytes() for site in simulation.sites.values() for row in site.rows.x}
    assert dealt <= {row.tobytes() for row in images.astype(np.float32) / np.float32(255)}


def test_without_the_files_it_says_where_to_get_them(
    prepare: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        prepare.main([str(tmp_path), "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert "apt-get install dataset-fashion-mnist" in capsys.readouterr().err


def test_more_images_than_there_are_cannot_be_dealt(
    prepare: ModuleType, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        prepare.main([str(source), "--out", str(tmp_path), "--images", "200"])
    assert "--images must be 10 to 1" in capsys.readouterr().err


@pytest.mark.slow
def test_the_experiment_shows_the_gain_beside_its_rivals(
    prepare: ModuleType, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "sites", tmp_path / "out"
    prepare.main([str(source), "--out", str(folder), "--images", "130"])
    for path in folder.glob("*/site.toml"):
        text = path.read_text(encoding="utf-8").partition("[learner]")[0]
        learner = '[learner]\nname = "tree"\nmin_leaf = 2\nbalanced = false\n'
        path.write_text(text + learner, encoding="utf-8")
    experiment = load("experiment")
    assert experiment.main([str(folder), "--source", str(source), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    results = json.loads((out / "experiment.json").read_text(encoding="utf-8"))
    assert set(results["medians"]) == set(experiment.METHODS)
    assert all(f"| {method} |" in printed for method in experiment.METHODS)
    assert results["medians"]["distilled"]["recall gain"][1] > 0.3
    assert results["medians"]["raw rows shared"]["recall gain"][1] > 0.3
    for student in results["students"].values():
        assert 0 <= student["copies"] <= student["distinct"] <= student["received"]
