"""No leaf of a released tree speaks of a few patients, and the others answer as before."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from grandrounds_client.arrays import Rows
from grandrounds_client.learners import make_learner
from grandrounds_client.learners.bring import bring
from grandrounds_client.learners.training import prepare
from grandrounds_client.lint import merge_small_leaves
from grandrounds_client.release import export
from grandrounds_client.vet import vet
from grandrounds_protocol.errors import ModelHoldsRows
from tests.client.learners.data import run
from tests.client.lint.patients import COLUMNS, WIDTH, hospital
from tests.vectors import sound

Ints = npt.NDArray[np.int64]


def lists(graph: bytes) -> dict[str, list[Any]]:
    model = ModelProto.FromString(graph)
    (node,) = (node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def leaves_of(graph: bytes, own: Rows) -> Ints:
    """Return the node that each row ends in, int [N, trees], one row and node at a time."""
    a = lists(graph)
    nodes = {
        pair: at for at, pair in enumerate(zip(a["nodes_treeids"], a["nodes_nodeids"], strict=True))
    }
    compare = {
        b"BRANCH_LEQ": np.less_equal,
        b"BRANCH_LT": np.less,
        b"BRANCH_GTE": np.greater_equal,
        b"BRANCH_GT": np.greater,
    }
    found = []
    for row in own:
        for tree in sorted(set(a["nodes_treeids"])):
            at = nodes[tree, 0]
            while a["nodes_modes"][at] != b"LEAF":
                holds = compare[a["nodes_modes"][at]](
                    row[a["nodes_featureids"][at]], np.float32(a["nodes_values"][at])
                )
                at = nodes[tree, a[f"nodes_{'true' if holds else 'false'}nodeids"][at]]
            found.append(at)
    return np.array(found).reshape(len(own), -1)


def reached(graph: bytes, own: Rows) -> set[int]:
    """Return the numbers of rows in the leaves that rows reach."""
    return set(np.unique(leaves_of(graph, own), return_counts=True)[1].tolist())


def trained(name: str, x: Rows, y: npt.NDArray[np.int32], **parameters: object) -> bytes:
    (learner,) = make_learner(name, parameters, "lint")
    classes = int(y.max()) + 1
    fitted = learner.fit(x[:, COLUMNS], y, classes=classes, weight=None, seed=1)
    return export(fitted, COLUMNS, x.shape[1])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(["tree", "forest", "boosting"]),
    classes=st.integers(2, 4),
    min_leaf=st.integers(1, 6),
    k=st.integers(1, 15),
)
def test_no_leaf_is_small_and_untouched_rows_get_the_same_answers(
    seed: int, name: str, classes: int, min_leaf: int, k: int
) -> None:
    x, _ = hospital(count=60, seed=seed % 1000)
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=60).astype(np.int32)
    y[:classes] = np.arange(classes)
    size = {"forest": {"trees": 3}, "boosting": {"rounds": 3}}.get(name, {})
    graph = trained(name, x, y, min_leaf=min_leaf, **size)
    # half of them trained the leaves as virtual rows: some leaves hold no own row
    own = x[:40]
    merged, count = merge_small_leaves(graph, own, k)

    assert not reached(merged, own[:, COLUMNS]) & set(range(1, k))
    assert (count == 0) == (merged == graph)
    assert merge_small_leaves(merged, own, k) == (merged, 0)
    teacher = vet(merged, name="n", algorithm="a", width=WIDTH, classes=classes)
    before, after = run(graph, x), teacher.predict_proba(x)
    apart = moved(graph, merged, x[:, COLUMNS])
    np.testing.assert_allclose(after[~apart], before[~apart], rtol=0, atol=1e-6)
    gone = lists(graph)["nodes_modes"].count(b"LEAF") - count
    new = lists(merged)["nodes_modes"].count(b"LEAF") - gone
    assert 0 <= new <= count / 2


def moved(graph: bytes, merged: bytes, own: Rows) -> npt.NDArray[np.bool_]:
    """Return which rows share a leaf with others in one graph and not in the other."""
    before, after = leaves_of(graph, own), leaves_of(merged, own)
    apart = np.zeros(len(own), np.bool_)
    for old, new in zip(before.T, after.T, strict=True):
        same_old, same_new = old[:, None] == old, new[:, None] == new
        apart |= (same_old != same_new).any(axis=1)
    return apart


CHAIN: dict[str, Any] = sound.TREE
"""x0 <= .5 to leaf 1; else x3 <= .25 to leaf 3, else leaf 4."""


def rows_in(first: int, second: int, third: int) -> Rows:
    parts = [[0.2, 0, 0, 0]] * first + [[0.8, 0, 0, 0.1]] * second + [[0.8, 0, 0, 0.9]] * third
    return np.array(parts, np.float32)


def answers(rows: Rows, k: int = 10) -> tuple[Rows, int]:
    graph, merged = merge_small_leaves(sound.tree().SerializeToString(), rows, k)
    teacher = vet(graph, name="n", algorithm="a", width=4, classes=2)
    return teacher.predict_proba(rows_in(1, 1, 1))[:, 0], merged


def test_a_small_leaf_and_its_sibling_become_their_mean_by_rows() -> None:
    found, merged = answers(rows_in(20, 12, 4))
    mean = (12 * 0.25 + 4 * 0.5) / 16
    np.testing.assert_allclose(found, [0.9, mean, mean], rtol=1e-6)
    assert merged == 2


def test_a_mean_weighs_rows_as_training_did() -> None:
    rows = rows_in(20, 12, 4)
    weight = np.r_[np.ones(20), np.full(12, 0.5), np.full(4, 3.0)]
    merged, _ = merge_small_leaves(sound.tree().SerializeToString(), rows, 10, weight=weight)
    teacher = vet(merged, name="n", algorithm="a", width=4, classes=2)
    mean = (6 * 0.25 + 12 * 0.5) / 18
    np.testing.assert_allclose(teacher.predict_proba(rows_in(0, 1, 1))[:, 0], mean, rtol=1e-6)


def test_virtual_rows_weigh_and_do_not_count() -> None:
    graph = sound.tree().SerializeToString()
    rows, virtual = rows_in(20, 12, 4), rows_in(0, 0, 24)
    merged, count = merge_small_leaves(graph, rows, 10, virtual=virtual)
    assert count == 2
    teacher = vet(merged, name="n", algorithm="a", width=4, classes=2)
    mean = (12 * 0.25 + 28 * 0.5) / 40
    np.testing.assert_allclose(teacher.predict_proba(rows_in(0, 1, 1))[:, 0], mean, rtol=1e-6)


@pytest.mark.parametrize("min_leaf", [1, 4])
def test_a_balanced_tree_is_merged_into_the_tree_that_stopped_earlier(min_leaf: int) -> None:
    x, y = hospital(count=300)
    y[y.cumsum() > 60] = 0
    rows = prepare(x[:, COLUMNS], y, classes=2, weight=None, balanced=True)
    graph = trained("tree", x, y, min_leaf=min_leaf)
    merged, count = merge_small_leaves(graph, x, 10, weight=rows.weight)
    assert count > 0
    leaf = leaves_of(merged, x[:, COLUMNS])[:, 0]
    ill = [np.average(y[leaf == one], weights=rows.weight[leaf == one]) for one in leaf]
    np.testing.assert_allclose(run(merged, x)[:, 1], ill, atol=1e-6)


def test_what_is_still_small_is_merged_again() -> None:
    found, merged = answers(rows_in(20, 4, 4))
    mean = (20 * 0.9 + 4 * 0.25 + 4 * 0.5) / 28
    np.testing.assert_allclose(found, mean, rtol=1e-6)
    assert merged == 3


def test_a_small_leaf_takes_the_whole_subtree_beside_it() -> None:
    found, merged = answers(rows_in(4, 20, 20))
    np.testing.assert_allclose(found, (4 * 0.9 + 20 * 0.25 + 20 * 0.5) / 44, rtol=1e-6)
    assert merged == 3


def test_a_leaf_of_virtual_rows_stays_and_weighs_nothing_where_it_is_merged() -> None:
    found, merged = answers(rows_in(20, 12, 0))
    np.testing.assert_allclose(found, [0.9, 0.25, 0.5], rtol=1e-6)
    assert merged == 0
    found, merged = answers(rows_in(12, 0, 4))
    np.testing.assert_allclose(found, (12 * 0.9 + 4 * 0.5) / 16, rtol=1e-6)
    assert merged == 3


def test_a_leaf_of_k_rows_stays() -> None:
    assert answers(rows_in(10, 10, 10))[1] == 0
    assert answers(rows_in(10, 9, 10))[1] == 2


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
def test_rows_on_a_threshold_count_where_the_split_sends_them(mode: str) -> None:
    graph = sound.tree(nodes_modes=[mode, "LEAF", mode, "LEAF", "LEAF"]).SerializeToString()
    # four rows below both thresholds, nine on them, twenty above
    rows = np.repeat(np.array([[0.2], [0.5], [0.8]], np.float32), [4, 9, 20], axis=0)
    rows = np.hstack([rows, rows, rows, rows / 2])
    fewest = min(reached(graph, rows))
    assert merge_small_leaves(graph, rows, fewest)[1] == 0
    merged, count = merge_small_leaves(graph, rows, fewest + 1)
    assert count > 0
    asked = [vet(one, name="n", algorithm="a", width=4, classes=2) for one in (graph, merged)]
    before, after = (teacher.predict_proba(rows) for teacher in asked)
    leaf = leaves_of(merged, rows)[:, 0]
    means = np.stack([before[leaf == one].mean(axis=0) for one in leaf])
    np.testing.assert_allclose(after, means, rtol=1e-6)


def test_fewer_rows_than_k_in_all_are_refused() -> None:
    with pytest.raises(ModelHoldsRows, match="fewer than 10 training rows"):
        answers(rows_in(3, 3, 3))


def test_a_model_without_trees_is_left_alone() -> None:
    x, y = hospital()
    graph = trained("logistic", x, y)
    assert merge_small_leaves(graph, x[:3], 10) == (graph, 0)


def made_elsewhere(kind: str, folder: Path) -> tuple[bytes, Rows]:
    x, y = hospital(count=200)
    own = x[:, COLUMNS]
    inputs = [("X", FloatTensorType([None, len(COLUMNS)]))]
    if kind == "xgboost":
        booster = XGBClassifier(n_estimators=5, max_depth=4, random_state=0).fit(own, y)
        graph = convert_xgboost(booster, initial_types=inputs)
    else:
        model = LGBMClassifier(n_estimators=5, min_child_samples=3, random_state=0, verbose=-1)
        graph = convert_lightgbm(model.fit(own, y), initial_types=inputs, zipmap=False)
    path = folder / "model.onnx"
    path.write_bytes(graph.SerializeToString())
    brought = bring(path, x, COLUMNS, classes=2)
    return export(brought.fit(own, y, classes=2, weight=None, seed=0), COLUMNS, WIDTH), x


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_trees_made_elsewhere_are_merged_alike(kind: str, tmp_path: Path) -> None:
    graph, x = made_elsewhere(kind, tmp_path)
    own = x[:, COLUMNS]
    assert reached(graph, own) & set(range(1, 10))
    merged, count = merge_small_leaves(graph, x, 10)
    assert count > 0
    assert not reached(merged, own) & set(range(1, 10))
    assert np.abs(run(merged, x) - run(graph, x)).mean() < 0.1


def test_trees_behind_a_scaler_count_the_rows_that_reach_them() -> None:
    graph = sound.tree("scaled")
    graph.graph.node.insert(0, helper.make_node("Mul", ["X", "half"], ["scaled"]))
    graph.graph.initializer.append(numpy_helper.from_array(np.array([0.5], np.float32), "half"))
    # in front of the scaler 4 rows lie beyond the first split, behind it none does
    assert merge_small_leaves(graph.SerializeToString(), rows_in(20, 4, 0), 10)[1] == 0
    assert merge_small_leaves(sound.tree().SerializeToString(), rows_in(20, 4, 0), 10)[1] == 3


def test_a_regressor_is_merged_alike() -> None:
    attributes = {
        name.replace("class_", "target_"): numbers
        for name, numbers in CHAIN.items()
        if name.startswith(("nodes_", "class_"))
    }
    node: NodeProto = helper.make_node(
        "TreeEnsembleRegressor", ["X"], ["p"], domain="ai.onnx.ml", n_targets=2, **attributes
    )
    merged, count = merge_small_leaves(
        sound.model([node]).SerializeToString(), rows_in(20, 12, 4), 10
    )
    assert count == 2
    assert lists(merged)["target_weights"] == pytest.approx([0.9, 0.1, 0.3125, 0.6875])
