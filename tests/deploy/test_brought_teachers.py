"""A federation in which three sites teach with models that other programs made."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grandrounds.simulate import prepare, simulate
from grandrounds_client.state import FIRST, State
from grandrounds_protocol.errors import BadInput
from tests.client.learners.foreign import MAKERS

Folder = Callable[..., Path]
TEACHERS = {"piedmont": "xgboost", "tuscany": "lightgbm", "veneto": "torch"}


def bring(folder: Path, site: str, maker: str) -> None:
    """Fit a site's model on its own encoded rows, as its own program would, and bring it."""
    opened = prepare(folder).sites[site]
    graph, _ = MAKERS[maker](opened.rows.x[:, opened.columns], opened.rows.y)
    (folder / site / "model.onnx").write_bytes(graph.SerializeToString())
    name_learner(folder / site / "site.toml", '{ onnx = "model.onnx" }')


def name_learner(path: Path, learner: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("learner")]
    path.write_text("\n".join([*kept, f"learner = {learner}"]), encoding="utf-8")


def add_student(folder: Path) -> None:
    """A fourth site, with a learner of its own and rows of all the others."""
    (folder / "sicily").mkdir()
    lines = (folder / "tuscany" / "rows.csv").read_text(encoding="utf-8").splitlines()
    (folder / "sicily" / "rows.csv").write_text("\n".join(lines[::2]), encoding="utf-8")
    toml = (folder / "tuscany" / "site.toml").read_text(encoding="utf-8")
    (folder / "sicily" / "site.toml").write_text(
        toml.replace("tuscany", "sicily"), encoding="utf-8"
    )


def test_teachers_of_three_programs_and_a_student_complete(wine: Folder) -> None:
    folder = wine()
    add_student(folder)
    for site, maker in TEACHERS.items():
        bring(folder, site, maker)
    simulation = prepare(folder, recipe="guarded", rounds=2, seed=1)
    results = simulate(simulation, lambda *_: None)
    assert results.stopped == ""
    for site in TEACHERS:
        assert results.sites[site].learner == "onnx"
        assert results.sites[site].reason.endswith("adopt: teaches only")
        assert results.sites[site].adopted == 0
        assert results.sites[site].own.before == results.sites[site].own.after
    assert "teaches only" not in results.sites["sicily"].reason
    assert results.sites["sicily"].received > 0
    assert set(results.taught) & set(TEACHERS)


def test_the_release_is_the_file(wine: Folder) -> None:
    folder = wine()
    bring(folder, "veneto", "xgboost")
    simulation = prepare(folder, recipe="paper")
    simulate(simulation, lambda *_: None)
    site = simulation.sites["veneto"]
    release = State(site.store, simulation.run_name).need(FIRST)
    assert b"model made elsewhere" in release
    assert b"onnxmltools" not in release.lower()


def test_the_card_says_what_the_site_calls_it(wine: Folder) -> None:
    folder = wine()
    bring(folder, "veneto", "xgboost")
    path = folder / "veneto" / "site.toml"
    name_learner(path, '{ onnx = "model.onnx", algorithm = "XGBoost" }')
    assert prepare(folder).sites["veneto"].learners[0].algorithm == "XGBoost"


@pytest.mark.parametrize(
    "learner",
    ['{ onnx = "model.onnx", min_leaf = 3 }', "{ onnx = 3 }", '{ onnx = "" }', "{ min_leaf = 3 }"],
)
def test_a_learner_table_is_a_name_or_a_file(wine: Folder, learner: str) -> None:
    folder = wine()
    name_learner(folder / "veneto" / "site.toml", learner)
    with pytest.raises(BadInput) as caught:
        prepare(folder)
    assert "learner" in str(caught.value)


def test_a_bad_file_stops_before_any_work(wine: Folder) -> None:
    folder = wine()
    (folder / "veneto" / "model.onnx").write_bytes(np.arange(9).tobytes())
    name_learner(folder / "veneto" / "site.toml", '{ onnx = "model.onnx" }')
    with pytest.raises(BadInput) as caught:
        prepare(folder)
    assert str(folder / "veneto" / "model.onnx") in caught.value.where
    assert caught.value.exit_code == 2
