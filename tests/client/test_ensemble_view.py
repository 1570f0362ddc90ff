"""The boxes of an ensemble: a row is in one of each tree, and their votes are the answer."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper

from grandrounds_client import ensemble_view
from grandrounds_client.arrays import Rows
from grandrounds_client.ensemble_view import answers, ensemble
from grandrounds_client.learners import Learner, make_learner
from grandrounds_client.learners.bring import bring
from grandrounds_client.release import export
from grandrounds_client.teacher import Teacher, TreeEnsemble
from grandrounds_client.vet import vet
from tests.client.learners.data import COLUMNS, WIDTH, Case, rows_of, widen
from tests.client.learners.foreign import MAKERS
from tests.vectors import sound

node = helper.make_node
TREES = ("forest", "boosting", "lightgbm", "scikit-learn", "xgboost")


def taught(name: str, classes: int, tmp_path: Any) -> Teacher:
    """Train or bring an ensemble and vet its release."""
    x, y = rows_of(Case(classes, tuple(range(classes))), count=200)
    learner: Learner
    if name in MAKERS:
        graph, _ = MAKERS[name](x, y)
        path = tmp_path / "model.onnx"
        path.write_bytes(graph.SerializeToString())
        learner = bring(path, widen(x), COLUMNS, classes=classes, algorithm=name)
    else:
        (learner,) = make_learner(name, {}, "site.toml")
    fitted = learner.fit(x, y, classes=classes, weight=None, seed=0)
    return vet(
        export(fitted, COLUMNS, WIDTH), name="n", algorithm=name, width=WIDTH, classes=classes
    )


def edges(view: TreeEnsemble, count: int) -> Rows:
    """Return rows that stand on the ends of leaves wherever a column has some."""
    rng = np.random.default_rng(1)
    rows = rng.random((count, WIDTH), dtype=np.float32)
    for column in np.unique(view.column):
        held = view.column == column
        rows[:, column] = rng.choice(np.concatenate([view.lower[held], view.upper[held]]), count)
    return rows


def check(teacher: Teacher, rows: Rows) -> None:
    assert teacher.ensemble is not None
    np.testing.assert_allclose(
        answers(teacher.ensemble, rows), teacher.predict_proba(rows), atol=2e-6
    )


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("classes", [2, 3])
def test_one_leaf_of_each_tree_holds_a_row_and_their_votes_are_the_answer(
    name: str, classes: int, tmp_path: Any
) -> None:
    teacher = taught(name, classes, tmp_path)
    view = teacher.ensemble
    assert view is not None
    rows = np.concatenate([edges(view, 60), np.random.default_rng(0).random((60, WIDTH))])
    rows = rows.astype(np.float32)
    check(teacher, rows)
    for row in rows:
        part = row[view.column]
        inside = np.ones(len(view.tree), np.bool_)
        inside[view.leaf[(part < view.lower) | (part > view.upper)]] = False
        assert np.array_equal(view.tree[inside], np.unique(view.tree))
    assert set(view.column) <= set(COLUMNS)


def test_votes_that_follow_from_the_others_are_left_out(tmp_path: Any) -> None:
    for classes in (2, 3):
        view = taught("forest", classes, tmp_path).ensemble
        assert view is not None
        assert view.votes.shape[1] == classes - 1


def two_trees(**changes: Any) -> ModelProto:
    """Return the sound tree twice, the second with its own votes."""
    both: dict[str, Any] = {}
    for name, numbers in sound.TREE.items():
        both[name] = numbers if "label" in name or name == "post_transform" else [*numbers] * 2
    both["nodes_treeids"] = [0] * 5 + [1] * 5
    both["class_treeids"] = [0] * 6 + [1] * 6
    both["nodes_values"] = [0.5, 0, 0.25, 0, 0, 0.75, 0, 0.25, 0, 0]
    both["class_weights"] = [0.45, 0.05, 0.15, 0.35, 0.25, 0.25, 0.5, 0, 0, 0.5, 0.2, 0.3]
    return sound.tree(**(both | changes))


def seen(graph: ModelProto) -> Teacher:
    return vet(graph.SerializeToString(), name="n", algorithm="trees", width=4, classes=2)


def ends() -> Rows:
    values = np.array([0, 0.25, 0.5, 0.75, 1], np.float32)
    near = np.concatenate([values, np.nextafter(values, np.float32(2))])
    rows: Rows = np.random.default_rng(0).choice(np.minimum(near, np.float32(1)), (200, 4))
    return rows


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
def test_every_kind_of_split_closes_on_its_side(mode: str) -> None:
    check(seen(two_trees(nodes_modes=[mode, "LEAF", mode, "LEAF", "LEAF"] * 2)), ends())


@pytest.mark.parametrize("threshold", [-3.0, 2.0, float(np.finfo(np.float32).max), -0.0])
def test_leaves_outside_of_the_unit_box_are_dropped(threshold: float) -> None:
    teacher = seen(two_trees(nodes_values=[threshold, 0, 0.25, 0, 0, 0.75, 0, 0.25, 0, 0]))
    check(teacher, ends())
    view = teacher.ensemble
    assert view is not None
    assert (view.lower <= view.upper).all()
    assert len(view.tree) < 6 or threshold == 0


def test_what_follows_the_trees_is_in_the_link() -> None:
    graph = two_trees()
    graph.graph.node[0].output[1] = "seen"
    graph.graph.node.append(node("MatMul", ["seen", "swap"], ["p"]))
    graph.graph.initializer.append(sound.floats("swap", [[0, 1], [1, 0]]))
    check(seen(graph), ends())


def test_trees_with_a_way_around_them_are_no_ensemble() -> None:
    graph = two_trees()
    graph.graph.node[0].output[1] = "seen"
    graph.graph.node.extend(
        [
            node("Gather", ["X", "some"], ["few"], axis=1),
            node("Add", ["seen", "few"], ["sum"]),
            node("Softmax", ["sum"], ["p"]),
        ]
    )
    graph.graph.initializer.append(sound.integers("some", [0, 1]))
    assert seen(graph).ensemble is None


def test_a_graph_that_reads_the_label_is_no_ensemble() -> None:
    graph = two_trees()
    graph.graph.node[0].output[1] = "seen"
    graph.graph.node.extend(
        [
            node("Cast", ["label"], ["number"], to=1),
            node("Reshape", ["number", "shape"], ["second"]),
            node("Sub", ["one", "second"], ["first"]),
            node("Concat", ["first", "second"], ["voted"], axis=1),
            node("Mul", ["seen", "none"], ["nothing"]),
            node("Add", ["voted", "nothing"], ["p"]),
        ]
    )
    graph.graph.initializer.extend(
        [
            sound.integers("shape", [-1, 1]),
            sound.floats("one", [1]),
            sound.floats("none", [0]),
        ]
    )
    assert seen(graph).ensemble is None


def test_a_last_step_that_is_not_known_is_no_ensemble() -> None:
    teacher = seen(two_trees(post_transform="SOFTMAX_ZERO"))
    assert teacher.ensemble is None
    assert seen(two_trees(post_transform="SOFTMAX")).ensemble is not None


def test_a_view_that_answers_otherwise_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble_view, "_softmax", lambda scores: scores[:, ::-1])
    assert seen(two_trees(post_transform="SOFTMAX")).ensemble is None


def test_a_single_tree_is_seen_as_its_leaves_alone() -> None:
    teacher = seen(sound.tree())
    assert teacher.leaves is not None
    assert teacher.ensemble is None


@pytest.mark.parametrize(
    ("bound", "value"), [("_PATHS", 9), ("_TABLE", 11), ("_LEAVES", 2), ("_VOTES", 2.9)]
)
def test_what_is_too_large_is_not_unfolded(
    bound: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen(two_trees()).ensemble is not None
    monkeypatch.setattr(ensemble_view, bound, value)
    assert seen(two_trees()).ensemble is None


def deep(trees: int, depth: int) -> ModelProto:
    """Return trees that are one long branch each, a new column of 275 at every split."""
    inner, count = np.arange(depth), 2 * depth + 1
    one = {
        "featureids": [*(inner % 275), *[0] * (depth + 1)],
        "modes": ["BRANCH_LEQ"] * depth + ["LEAF"] * (depth + 1),
        "values": [*np.linspace(0.1, 0.9, depth), *[0.0] * (depth + 1)],
        "truenodeids": [*(depth + inner), *[0] * (depth + 1)],
        "falsenodeids": [*(inner[1:]), count - 1, *[0] * (depth + 1)],
    }
    attributes: dict[str, Any] = {f"nodes_{name}": part * trees for name, part in one.items()}
    attributes["nodes_nodeids"] = list(range(count)) * trees
    attributes["nodes_treeids"] = np.repeat(np.arange(trees), count).tolist()
    leaf = np.arange(depth, count)
    attributes["class_nodeids"] = np.repeat(leaf, 2).tolist() * trees
    attributes["class_treeids"] = np.repeat(np.arange(trees), 2 * len(leaf)).tolist()
    attributes["class_ids"] = [0, 1] * len(leaf) * trees
    attributes["class_weights"] = [0.5 / trees, 0.5 / trees] * len(leaf) * trees
    attributes |= {name: sound.TREE[name] for name in ("classlabels_int64s", "post_transform")}
    trees_node = node(
        "TreeEnsembleClassifier", ["X"], ["label", "p"], domain="ai.onnx.ml", **attributes
    )
    return sound.model([trees_node], inputs=[sound.value("X", ["N", 275])])


def test_a_peer_cannot_have_much_unfolded() -> None:
    # 2.2 million splits above 17,570 leaves: unfolded, 180 MB
    model = deep(70, 250)
    tracemalloc.start()
    view = ensemble(model, lambda rows: rows[:, :2], width=275, classes=2, chunk=1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert view is None
    assert peak < 100 * 2**20
