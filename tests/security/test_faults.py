"""What a hostile peer may send, one test for each fault of docs/security.md that had none."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import helper
from sklearn.neighbors import KNeighborsClassifier

from grandrounds_client import state as kept
from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.learners.sklearn_model import SklearnModel
from grandrounds_client.service import answer
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site
from grandrounds_client.vet import vet
from grandrounds_protocol.errors import BadMessage, BadModel, GrandRoundsError, Refused
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import (
    AdoptOrder,
    AdoptReport,
    DistillReport,
    RetrainReport,
    ReviewReport,
)
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.signed import Signed
from tests.client.asking import ask, failure, opened, said
from tests.security.test_vectors import DOORS, RECIPES
from tests.vectors import sound
from tests.vectors.attacks.foreign import CANARY
from tests.vectors.attacks.messages import NAMES
from tests.vectors.make_vectors import FOLDER

WIDTH, ROWS = 6, 300
ANSWERS = {"reply", "said", ".ledger-head"}
"""Kept of every question, whatever came of it; and that the sender's envelope was opened."""


def stored(path: str) -> bytes:
    return (FOLDER / f"{path}.bin").read_bytes()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A house of made patients, which has published its tree."""
    names = [f"m{at}" for at in range(WIDTH)]
    federation = Federation.model_validate(
        {
            "name": "made",
            "label": "outcome",
            "classes": [0, 1],
            "features": [{"name": n, "kind": "continuous", "low": 0, "high": 1} for n in names],
        }
    )
    x = np.random.default_rng(4).random((ROWS, WIDTH)).round(3)
    lines = [",".join([*map(str, row), str(int(row[0] > 0.5))]) for row in x.tolist()]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([",".join([*names, "outcome"]), *lines]), encoding="utf-8")
    settings = SiteSettings.model_validate({"name": "north", "data": "rows.csv", "learner": "tree"})
    house = opened(federation, settings, path)
    answer(house, ask(house, "publish"))
    return house


def told(site: Site, *asked: Any, **more: Any) -> Any:
    return said(site, ask(site, *asked, **more)).body.report


def lessons(x: Rows, y: Labels) -> Parcel:
    rows = VirtualInstances(x, y, np.ones(len(y), np.int32))
    return Parcel("instances", "south", ("north",), rows.to_bytes())


def made(count: int = 400, *, wrong: bool = False) -> tuple[Rows, Labels]:
    x = np.random.default_rng(0).random((count, WIDTH), np.float32)
    return x, ((x[:, 0] > 0.5) != wrong).astype(np.int32)


OTHER_FORMATS = [
    *("pickle", "pickle-text", "joblib", "torch-zip", "zip-around-onnx", "gzip-around-onnx"),
    *("numpy", "safetensors", "html", "shared-library"),
]


@pytest.mark.parametrize("name", OTHER_FORMATS)
def test_pickle_instead_of_onnx_is_refused_by_content_and_nothing_imported(name: str) -> None:
    loaded = set(sys.modules)
    with pytest.raises(BadModel):
        DOORS["models"](stored(f"models/{name}"))
    assert set(sys.modules) == loaded
    assert CANARY not in sys.modules


CRAFTED = {
    "child-out-of-range": "nodes_truenodeids",
    "tree-self-loop": "nodes_nodeids",
    "tree-cycle": "nodes_treeids",
    "tree-cycle-of-many": "nodes_truenodeids",
    "feature-too-large": "nodes_featureids",
    "external-data": "external_data",
    "unknown-operator": "node 0",
    "loop": "attribute.g",
    "scan": "attribute.g",
    "nan-weights": "tensor 0",
    "1e39-as-double": "tensor 0",
    "threshold-1e308": "nodes_values_as_tensor",
    "output-too-wide": "model.graph.output",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_crafted_model_is_refused_before_it_predicts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(BadModel) as refusal:
        DOORS["models"](stored(f"models/{name}"))
    assert CRAFTED[name] in refusal.value.where


def test_a_model_of_a_million_nodes_is_refused_before_it_predicts() -> None:
    _, graph, says = RECIPES["models/million-tree-nodes"]
    assert not isinstance(graph, bytes)
    with pytest.raises(BadModel, match=says):
        DOORS["models"](graph.SerializeToString())


def test_a_model_whose_answers_are_no_probabilities_is_refused() -> None:
    # finite, and so past the static checks; their sum in the softmax is not
    weights = sound.floats("h", [3e38] * sound.WIDTH)
    scale = helper.make_node("Mul", ["X", "h"], ["y"])
    graph = sound.network(scale, stored=[weights])
    graph.graph.node[-2].input[0] = "y"
    rows = np.ones((2, sound.WIDTH), np.float32)
    with pytest.raises(BadModel, match="0 to 1") as refusal:
        vet(
            graph.SerializeToString(),
            name="south",
            algorithm="net",
            width=sound.WIDTH,
            classes=sound.CLASSES,
        ).predict_proba(rows)
    assert refusal.value.where == "model.graph.output"


@dataclass(frozen=True)
class Neighbours:
    """A learner of somebody else's whose model is its training rows."""

    algorithm: str = "neighbours"

    def fit(self, x: Rows, y: Labels, **_: object) -> SklearnModel:
        return SklearnModel(KNeighborsClassifier().fit(x, y))


def test_neighbours_are_held_back_at_home_as_a_release_and_as_a_candidate(site: Site) -> None:
    keeps_rows = replace(site, learners=(Neighbours(),))
    newcomer = replace(keeps_rows, store={})
    assert failure(newcomer, ask(newcomer, "publish")).code == "ModelHoldsRows"
    told(site, "distill")
    asked = ask(site, "retrain", lessons(*made()))
    assert failure(keeps_rows, asked).code == "ModelHoldsRows"
    assert not [key for key in site.store if "candidate" in key]


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_is_a_path_a_look_alike_or_4_kilobytes_is_refused(kind: str) -> None:
    with pytest.raises(BadMessage, match=r"heading\.site"):
        DOORS["messages"](stored(f"messages/name-{kind}"))
    with pytest.raises(BadModel, match="site"):
        DOORS["releases"](stored(f"releases/site-{kind}"))


LYING = [
    *("rows/header-of-2-63", "rows/shape-of-2-63", "rows/10-million-declared"),
    *("messages/parcel-of-2-62", "messages/heading-of-4-gigabytes", "messages/parcel-negative"),
    *("models/graph-of-two-gigabytes", "models/huge-dims", "models/constant-dims-lie"),
    "releases/card-of-4-gigabytes",
]


@pytest.mark.parametrize("path", LYING)
def test_a_declared_size_that_lies_is_refused(path: str) -> None:
    with pytest.raises(Refused):
        DOORS[path.split("/", maxsplit=1)[0]](stored(path))


@pytest.mark.parametrize("door", ["messages", "releases", "rows"])
def test_a_key_that_stands_twice_is_refused(door: str) -> None:
    name = "tensor-twice" if door == "rows" else "key-twice"
    with pytest.raises(GrandRoundsError, match=r"header|stands twice"):
        DOORS[door](stored(f"{door}/{name}"))


def spoilt(change: Callable[[Rows, Labels], object]) -> Parcel:
    x, y = made(40)
    change(x, y)
    return lessons(x, y)


BAD_ROWS: dict[str, Callable[[], Parcel]] = {
    "nan": lambda: spoilt(lambda x, _: x.__setitem__((7, 1), np.nan)),
    "infinite": lambda: spoilt(lambda x, _: x.__setitem__((7, 1), np.inf)),
    "out of range": lambda: spoilt(lambda x, _: x.__setitem__((7, 1), 1.5)),
    "unknown label": lambda: spoilt(lambda _, y: y.__setitem__(7, 2)),
    "wrong width": lambda: lessons(made(40)[0][:, :-1], made(40)[1]),
    "no rows at all": lambda: Parcel("instances", "south", ("north",), stored("rows/pickle")),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_rows_that_are_nan_out_of_range_or_unlabelled_are_refused_with_a_count(
    site: Site, kind: str
) -> None:
    told(site, "distill")
    before = {key: value for key, value in site.store.items() if not ANSWERS & set(key.split("/"))}
    report = told(site, "retrain", BAD_ROWS[kind]())
    assert report == RetrainReport(
        received=0, refused={"south": {"BadInstances": "0-9"}}, candidate=False
    )
    assert {
        key: site.store[key] for key in site.store if not ANSWERS & set(key.split("/"))
    } == before


def test_label_flipped_rows_lose_the_review_and_are_rolled_back(site: Site) -> None:
    told(site, "distill")
    assert told(site, "retrain", lessons(*made(1000, wrong=True))).candidate
    review = told(site, "review")
    assert isinstance(review, ReviewReport)
    assert review.scores["north"].candidate < review.scores["north"].current
    report = told(site, "adopt", order=AdoptOrder(scores=review.scores))
    assert isinstance(report, AdoptReport)
    assert (report.adopted, report.reason, report.virtual_rows) == (False, "no gain", 0)
    assert report.quarantined == ("south",)
    assert site.store[f"r/{kept.CURRENT}"] == site.store[f"r/{kept.FIRST}"]


def test_a_model_under_another_sites_name_is_refused_and_the_round_goes_on(site: Site) -> None:
    own = site.store[f"r/{kept.CURRENT}"]
    assert ModelRelease.from_bytes(own).card.site == "north"
    report = told(site, "distill", Parcel("release", "south", ("north",), own))
    assert isinstance(report, DistillReport)
    assert report.refused == {"south": "BadModel"}
    assert "south" not in report.engines


def test_a_verdict_that_the_coordinator_adds_is_refused(site: Site) -> None:
    asked = bytes(Signed.from_bytes(ask(site, "adopt")).body)
    (length,) = np.frombuffer(asked[4:8], ">u4").tolist()
    head = json.loads(asked[8 : 8 + length])
    head["body"]["order"]["verdict"] = {"gain": 1.0, "reviewers": 9, "adopt": True}
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    forged = asked[:4] + np.array(len(text), ">u4").tobytes() + text
    with pytest.raises(BadMessage, match=r"order\.adopt\.verdict"):
        Instruction.from_bytes(forged)
