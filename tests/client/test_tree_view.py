"""The boxes of a tree hold every row exactly once, with the answer of the graph."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from skl2onnx import to_onnx
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Rows
from grandrounds_client.graph import prune
from grandrounds_client.teacher import Leaves, Teacher
from grandrounds_client.vet import vet
from tests.client.zoo import WIDTH, ZOO, released
from tests.vectors import sound

node = helper.make_node


def holding(leaves: Leaves, rows: Rows) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return bool [N, L]: which leaf holds which row."""
    inside = (leaves.lower[None] <= rows[:, None]) & (rows[:, None] <= leaves.upper[None])
    return np.asarray(inside.all(axis=2))


def check(teacher: Teacher, rows: Rows) -> None:
    leaves = teacher.leaves
    assert leaves is not None
    held = holding(leaves, rows)
    np.testing.assert_array_equal(held.sum(axis=1), 1)
    np.testing.assert_array_equal(
        leaves.probabilities[held.argmax(axis=1)], teacher.predict_proba(rows)
    )


def edges(thresholds: Rows, rows: Rows) -> Rows:
    """Put thresholds and their float32 neighbours into the rows, one column at a time."""
    below, above = np.nextafter(thresholds, np.float32(-1)), np.nextafter(thresholds, np.float32(2))
    near = np.clip(np.concatenate([thresholds, below, above, [0, 1]]), 0, 1).astype(np.float32)
    rng = np.random.default_rng(0)
    return rng.choice(near, size=rows.shape).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.sampled_from([1, 2, 4, None]),
    classes=st.integers(2, 3),
    grid=st.booleans(),
)
def test_every_row_is_in_one_leaf(
    seed: int, depth: int | None, classes: int, *, grid: bool
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.random((80, 4), dtype=np.float32)
    X = np.round(X * 2) / np.float32(2) if grid else X
    fitted = DecisionTreeClassifier(max_depth=depth, random_state=0)
    fitted.fit(X, np.arange(80) % classes)
    graph = to_onnx(
        fitted, X[:1], target_opset={"": 17, "ai.onnx.ml": 3}, options={"zipmap": False}
    )
    data = released(prune(graph, "probabilities"), classes)
    teacher = vet(data, name="north", algorithm="tree", width=WIDTH, classes=classes)
    rows = rng.random((200, WIDTH), dtype=np.float32)
    check(teacher, rows)
    check(teacher, edges(fitted.tree_.threshold.astype(np.float32), rows))


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
def test_every_kind_of_split_closes_on_its_side(mode: str) -> None:
    modes = [mode, "LEAF", mode, "LEAF", "LEAF"]
    data = sound.tree(nodes_modes=modes).SerializeToString()
    teacher = vet(data, name="north", algorithm="tree", width=4, classes=2)
    rows = np.random.default_rng(1).random((200, 4), dtype=np.float32)
    check(teacher, edges(np.array([0.25, 0.5], np.float32), rows))


@pytest.mark.parametrize("threshold", [-3.0, 2.0, float(np.finfo(np.float32).max), -0.0])
def test_leaves_outside_of_the_unit_box_are_dropped(threshold: float) -> None:
    data = sound.tree(nodes_values=[threshold, 0.0, 0.25, 0.0, 0.0]).SerializeToString()
    teacher = vet(data, name="north", algorithm="tree", width=4, classes=2)
    assert teacher.leaves is not None
    assert (teacher.leaves.lower <= teacher.leaves.upper).all()
    assert len(teacher.leaves.lower) < 3 or threshold == 0
    check(teacher, np.random.default_rng(2).random((50, 4), dtype=np.float32))


def test_columns_the_owner_lacks_are_free() -> None:
    made = ZOO["tree-3"]()
    data = released(made.graph, 3)
    teacher = vet(data, name="north", algorithm="tree", width=WIDTH, classes=3)
    assert teacher.leaves is not None
    assert (teacher.leaves.lower[:, [0, 3]] == 0).all()
    assert (teacher.leaves.upper[:, [0, 3]] == 1).all()


def test_what_follows_the_tree_is_in_its_leaves() -> None:
    graph = sound.tree()
    graph.graph.node[0].output[1] = "seen"
    graph.graph.node.append(node("MatMul", ["seen", "swap"], ["p"]))
    graph.graph.initializer.append(sound.floats("swap", [[0, 1], [1, 0]]))
    teacher = vet(graph.SerializeToString(), name="n", algorithm="tree", width=4, classes=2)
    check(teacher, np.random.default_rng(3).random((50, 4), dtype=np.float32))


def test_one_leaf_is_the_whole_box() -> None:
    one: dict[str, Any] = {
        name: numbers[1:2] for name, numbers in sound.TREE.items() if name.startswith("nodes_")
    }
    one |= {name: sound.TREE[name][:2] for name in sound.TREE if name.startswith("class_")}
    data = sound.tree(**one).SerializeToString()
    leaves = vet(data, name="n", algorithm="tree", width=4, classes=2).leaves
    assert leaves is not None
    np.testing.assert_array_equal(leaves.probabilities, np.array([[0.9, 0.1]], np.float32))


def test_forest_is_no_tree() -> None:
    made = ZOO["forest-2"]()
    data = released(made.graph, 2)
    assert vet(data, name="n", algorithm="tree", width=WIDTH, classes=2).leaves is None


def test_tree_with_a_way_around_it_is_no_tree() -> None:
    graph = sound.tree()
    graph.graph.node[0].output[1] = "seen"
    graph.graph.node.extend(
        [
            node("Gather", ["X", "some"], ["few"], axis=1),
            node("Add", ["seen", "few"], ["sum"]),
            node("Softmax", ["sum"], ["p"]),
        ]
    )
    graph.graph.initializer.append(sound.integers("some", [0, 1]))
    teacher = vet(graph.SerializeToString(), name="n", algorithm="tree", width=4, classes=2)
    assert teacher.leaves is None


@pytest.mark.parametrize("second", ["Identity", "Gather"])
def test_columns_are_followed_through_selections(second: str) -> None:
    graph = sound.tree("own")
    selection = {
        "Identity": node("Identity", ["X"], ["own"]),
        "Gather": node("Gather", ["X", "turned"], ["own"], axis=-1),
    }[second]
    graph.graph.node.insert(0, selection)
    graph.graph.initializer.append(sound.integers("turned", [3, 2, 1, 0]))
    teacher = vet(graph.SerializeToString(), name="n", algorithm="tree", width=4, classes=2)
    rows = np.random.default_rng(4).random((200, 4), dtype=np.float32)
    check(teacher, edges(np.array([0.25, 0.5], np.float32), rows))
