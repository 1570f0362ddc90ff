"""A released graph holds no training row, wherever and however it is written."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import NodeProto, helper
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from grandrounds.bench.rows import HEART
from grandrounds.folder import read_folder
from grandrounds_client.arrays import Rows
from grandrounds_client.encoding import Encoded
from grandrounds_client.learners import make_learner
from grandrounds_client.lint import check_rows
from grandrounds_client.release import export
from grandrounds_client.site import load_rows
from grandrounds_protocol.errors import ModelHoldsRows
from tests.client.lint.patients import (
    COLUMNS,
    WIDTH,
    hospital,
    network,
    own_columns,
    released,
    tensor,
)

Array = npt.NDArray[Any]

MACHINES: dict[str, Callable[[], Any]] = {
    "svc": lambda: SVC(probability=True, random_state=0),
    "neighbours": KNeighborsClassifier,
    "scaled svc": lambda: make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)),
    "scaled neighbours": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier()),
}


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("numbers", [1, 5], ids=["one number", "five numbers"])
def test_machines_that_keep_rows_are_refused(name: str, numbers: int) -> None:
    x, y = hospital(numbers=numbers)
    columns = own_columns(numbers)
    graph = released(MACHINES[name](), x, y, columns)
    with pytest.raises(ModelHoldsRows, match=r"at least \d+ of the site's") as refusal:
        check_rows(graph, x, columns)
    assert "support_vectors" in refusal.value.where or "tensor" in refusal.value.where
    assert "`svm`" in refusal.value.remedy
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("name", ["svc", "neighbours"])
def test_rows_of_nothing_but_categories_are_found_where_many_stand_together(name: str) -> None:
    rng = np.random.default_rng(0)
    x = np.eye(3, dtype=np.float32)[rng.integers(3, size=(150, 20))].reshape(150, 60)
    graph = released(MACHINES[name](), x, x[:, 0].astype(np.int32), np.arange(60))
    with pytest.raises(ModelHoldsRows):
        check_rows(graph, x, np.arange(60))


def one_row_in(hidden: Array, at: int = 3) -> Array:
    hidden.reshape(-1)[at : at + len(COLUMNS)] = hospital()[0][17, COLUMNS]
    return hidden


def noise(*shape: int) -> Array:
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


def few(count: int = 4) -> Rows:
    return hospital()[0][20 : 20 + count, COLUMNS]


HIDING: dict[str, tuple[int, Callable[[], Array]]] = {
    "one row as a bias": (1, lambda: hospital()[0][17, COLUMNS]),
    "one row inside of a longer bias": (1, lambda: one_row_in(noise(64))),
    "rows of a matrix": (4, few),
    "columns of a matrix": (4, lambda: few().T),
    "columns among others": (4, lambda: np.hstack([noise(len(COLUMNS), 7), few().T])),
    "flattened": (4, lambda: few().reshape(-1)),
    "flattened by columns": (4, lambda: few().T.reshape(-1)),
    "every fifth number": (1, lambda: np.stack([few(1)[0], *noise(4, len(COLUMNS))], 1).ravel()),
    "an inner axis of rank 4": (4, lambda: few().T.reshape(1, len(COLUMNS), 2, 2)),
    "float64": (4, lambda: few().astype(np.float64)),
    "a rounding away": (4, lambda: np.nextafter(few(), np.float32(2))),
    "all columns of the federation": (4, lambda: hospital()[0][20:24]),
    "columns in another order": (12, lambda: few(12)[:, np.random.default_rng(3).permutation(18)]),
}


@pytest.mark.parametrize("how", HIDING)
def test_hidden_rows_are_found(how: str) -> None:
    rows, make = HIDING[how]
    with pytest.raises(ModelHoldsRows, match=f"at least {rows} of") as refusal:
        check_rows(network(tensor("innocent", make())), hospital()[0], COLUMNS)
    assert refusal.value.where == "tensor 'innocent'"


def constant(numbers: Array, **more: Any) -> NodeProto:
    return helper.make_node("Constant", [], ["c"], value=tensor("", numbers), **more)


def thresholds(values: Array) -> NodeProto:
    """Return a tree that is a chain: each split is followed by its leaf, which holds 0."""
    inner = np.arange(len(values)) * 2
    node: dict[str, Any] = {
        "nodes_values": [*np.stack([values, np.zeros_like(values)], 1).ravel().tolist(), 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF"] * len(values) + ["LEAF"],
        "nodes_truenodeids": [*np.stack([inner + 1, inner * 0], 1).ravel().tolist(), 0],
        "nodes_falsenodeids": [*np.stack([inner + 2, inner * 0], 1).ravel().tolist(), 0],
    }
    return helper.make_node("TreeEnsembleClassifier", ["own"], ["l", "s"], **node)


HOLDING: dict[str, tuple[str, Callable[[], NodeProto]]] = {
    "a constant": ("attribute 'value'", lambda: constant(few())),
    "a list of floats": (
        "attribute 'value_floats'",
        lambda: helper.make_node("Constant", [], ["c"], value_floats=few(1)[0].tolist()),
    ),
    "thresholds of a tree": ("attribute 'nodes_values'", lambda: thresholds(few(1)[0])),
    "an operator nobody knows": (
        "node 1 ('Innocent'), attribute 'weights'",
        lambda: helper.make_node("Innocent", ["own"], ["c"], weights=few().reshape(-1).tolist()),
    ),
}


@pytest.mark.parametrize("how", HOLDING)
def test_rows_in_nodes_are_found(how: str) -> None:
    where, make = HOLDING[how]
    with pytest.raises(ModelHoldsRows) as refusal:
        check_rows(network(nodes=[make()]), hospital()[0], COLUMNS)
    assert where in refusal.value.where


def test_a_row_of_constants_that_stand_alone_is_found() -> None:
    alone = [
        helper.make_node("Constant", [], [f"c{at}"], value_float=float(number))
        for at, number in enumerate(few(1)[0])
    ]
    with pytest.raises(ModelHoldsRows) as refusal:
        check_rows(network(nodes=alone), hospital()[0], COLUMNS)
    assert "alone" in refusal.value.where


def test_rows_before_a_scaler_of_the_graph_are_found() -> None:
    low, high = np.float32(-3), np.float32(7)
    scale = [
        helper.make_node("Mul", ["own", "by"], ["wide"]),
        helper.make_node("Add", ["wide", "low"], ["raw"]),
    ]
    stored = [tensor("by", np.array(high - low)), tensor("low", np.array(low))]
    raw = few(3).astype(np.float64) * (high - low) + low
    with pytest.raises(ModelHoldsRows, match="at least 3 of"):
        check_rows(network(*stored, tensor("kept", raw), nodes=scale), hospital()[0], COLUMNS)


def test_the_refusal_tells_no_value() -> None:
    x = hospital()[0]
    x[17, COLUMNS[0]] = 0.123456
    with pytest.raises(ModelHoldsRows) as refusal:
        check_rows(network(tensor("b2", x[17, COLUMNS])), x, COLUMNS)
    assert "1234" not in str(refusal.value)
    assert "1234" not in refusal.value.public


def test_a_net_without_rows_passes() -> None:
    check_rows(network(), hospital()[0], COLUMNS)


def test_another_patient_is_not_a_finding() -> None:
    check_rows(network(tensor("b2", hospital(seed=9)[0][:, COLUMNS])), *of(hospital()[0]))


def of(x: Rows) -> tuple[Rows, Array]:
    return x, COLUMNS


STRUCTURE: dict[str, Array] = {
    "zeros": np.zeros((40, 40), np.float32),
    "the identity": np.eye(60, dtype=np.float32),
    "zeros, then ones": np.repeat(np.arange(2.0), 300),
    "zero and one in turn": np.tile([0.0, 1.0], 300),
    "one of three in turn": np.tile([1.0, 0.0, 0.0], 200),
    "halves and zeros in turn": np.tile([0.5, 0.0, 0.0], 200),
    "random bits": np.random.default_rng(0).integers(2, size=2000).astype(np.float32),
}
STRUCTURED_ROWS = {
    "all categories missing": np.zeros((1, 18)),
    "every answer yes": np.tile([0.0, 1.0], 9)[None],
    "every answer no": np.tile([1.0, 0.0], 9)[None],
    "the middle level": np.tile([0.5, 0.0, 0.0], 6)[None],
    "no flag but one": np.eye(18),
    "a number and no flag": np.hstack([np.linspace(0.01, 0.6, 60)[:, None], np.zeros((60, 17))]),
    "any answers": np.random.default_rng(1).integers(2, size=(300, 18)),
}


@pytest.mark.parametrize("rows", STRUCTURED_ROWS)
def test_what_constants_are_made_of_is_no_patient(rows: str) -> None:
    x = np.zeros((len(STRUCTURED_ROWS[rows]), WIDTH), np.float32)
    x[:, COLUMNS] = STRUCTURED_ROWS[rows]
    check_rows(network(*(tensor(name, made) for name, made in STRUCTURE.items())), x, COLUMNS)


WIDE = {
    "every answer yes": (np.tile([0.0, 1.0], 60)[None], np.tile([0.0, 1.0], 900)),
    "one step of many": (np.tri(60), np.tri(60)),
}


@pytest.mark.parametrize("which", WIDE)
def test_a_wide_pattern_that_constants_repeat_is_no_patient(which: str) -> None:
    rows, made = WIDE[which]
    x = rows.astype(np.float32)
    check_rows(network(tensor("mask", made.astype(np.float32))), x, np.arange(x.shape[1]))


def heart() -> list[Encoded]:
    read = read_folder(HEART)
    return [load_rows(site.settings, site.folder, read.federation) for site in read.sites]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("tree", {}),
        ("tree", {"min_leaf": 1}),
        ("naive-bayes", {}),
        ("svm", {}),
        ("logistic", {}),
        ("mlp", {}),
        ("forest", {"trees": 30, "min_leaf": 1}),
        ("boosting", {"rounds": 40, "max_leaves": 31, "min_leaf": 2}),
        ("cnn", {"epochs": 1}),
    ],
    ids=str,
)
def test_no_learner_of_the_product_is_refused(name: str, parameters: dict[str, object]) -> None:
    for seed, site in enumerate(heart()):
        shape = {"shape": [1, len(site.columns), 1]} if name == "cnn" else {}
        (learner,) = make_learner(name, parameters | shape, "lint")
        own = site.x[:, site.columns]
        fitted = learner.fit(own, site.y, classes=2, weight=None, seed=seed)
        check_rows(export(fitted, site.columns, site.x.shape[1]), site.x, site.columns)
