"""Rows are found up to a factor, and as any step of the graph turns them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC

from grandrounds_client.arrays import Rows
from grandrounds_client.learners import make_learner
from grandrounds_client.lint import check_rows, steps
from grandrounds_client.lint.directions import search_directions
from grandrounds_client.lint.stored import Stored
from grandrounds_client.release import export
from grandrounds_protocol.errors import ModelHoldsRows
from tests.client.lint.patients import COLUMNS, hospital, network, released, tensor
from tests.client.zoo import WIDTH as ZOO_WIDTH
from tests.client.zoo import ZOO
from tests.client.zoo import released as released_of_zoo

Array = npt.NDArray[Any]


def turn(width: int = len(COLUMNS)) -> Array:
    return np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]


def kernel(factor: float, *, turned: bool = False, count: int = 120) -> bytes:
    """Write a kernel machine by hand: all rows vote, by their product with the asked one."""
    own = hospital()[0][:count, COLUMNS].astype(np.float64)
    P = turn() if turned else np.eye(len(COLUMNS))
    step = helper.make_node("MatMul", ["own", "P"], ["u"])
    compare = helper.make_node("MatMul", ["u" if turned else "own", "S"], ["votes"])
    stored = [tensor("S", (factor * own @ P).astype(np.float32).T)]
    if turned:
        stored.append(tensor("P", P.astype(np.float32)))
    return network(*stored, nodes=[step, compare] if turned else [compare])


@pytest.mark.parametrize("factor", [1.0, 20.0, 0.74, -3.0])
@pytest.mark.parametrize("turned", [False, True], ids=["as they are", "turned"])
def test_a_kernel_machine_written_by_hand_is_refused(factor: float, *, turned: bool) -> None:
    with pytest.raises(ModelHoldsRows, match=r"at least 1[12]\d of") as refusal:
        check_rows(kernel(factor, turned=turned), hospital()[0], COLUMNS)
    assert refusal.value.where == "tensor 'S'"


def test_one_row_that_was_turned_and_multiplied_is_enough() -> None:
    with pytest.raises(ModelHoldsRows, match="at least 1 of"):
        check_rows(kernel(3.3, turned=True, count=1), hospital()[0], COLUMNS)


MACHINES: dict[str, Callable[[], Any]] = {
    "components, neighbours": lambda: make_pipeline(PCA(), KNeighborsClassifier()),
    "four components, neighbours": lambda: make_pipeline(PCA(4), KNeighborsClassifier()),
    "scaler, components, neighbours": lambda: make_pipeline(
        StandardScaler(), PCA(), KNeighborsClassifier()
    ),
    "components, svc": lambda: make_pipeline(PCA(), SVC(probability=True, random_state=0)),
    "length 1, neighbours": lambda: make_pipeline(Normalizer(), KNeighborsClassifier()),
    "length 1, svc": lambda: make_pipeline(Normalizer(), SVC(probability=True, random_state=0)),
}


@pytest.mark.parametrize("name", MACHINES)
def test_machines_that_keep_rows_behind_a_step_are_refused(name: str) -> None:
    x, y = hospital()
    graph = released(MACHINES[name](), x, y, COLUMNS)
    with pytest.raises(ModelHoldsRows, match=r"at least \d\d+ of"):
        check_rows(graph, x, COLUMNS)


def test_rows_that_are_looked_at_part_by_part_are_all_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "_CHUNK", 24 * 7)
    x = hospital()[0]
    last = np.concatenate([x[1:], x[:1]])  # the one row that is kept stands at the end
    with pytest.raises(ModelHoldsRows, match="at least 1 of"):
        check_rows(kernel(3.3, turned=True, count=1), last, COLUMNS)


@pytest.mark.parametrize("kept", ["a tensor", "an attribute"])
def test_a_net_may_give_a_row_with_a_single_one_its_own_weights(kept: str) -> None:
    x = np.zeros((60, 24), np.float32)
    x[np.arange(60), COLUMNS[np.arange(60) % len(COLUMNS)]] = 1
    weights = tensor("W2", np.random.default_rng(0).normal(size=(len(COLUMNS), 32)))
    nodes = [
        helper.make_node("Cast", ["own"], ["own64"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["own64", "W2"], ["u"]),
    ]
    if kept == "a tensor":
        check_rows(network(weights, nodes=nodes), x, COLUMNS)
    else:
        constant = helper.make_node("Constant", [], ["W2"], value=weights)
        check_rows(network(nodes=[constant, *nodes]), x, COLUMNS)


@pytest.mark.parametrize("name", ZOO)
def test_no_model_of_the_zoo_is_refused(name: str) -> None:
    made = ZOO[name]()
    rng = np.random.default_rng(1)
    rows = np.round(rng.random((200, ZOO_WIDTH)), 1).astype(np.float32)
    rows[:, 4:] = np.eye(2)[rng.integers(2, size=200)]
    check_rows(released_of_zoo(made.graph, made.classes), rows, np.array([1, 2, 4, 5]))


COINCIDENCES: dict[str, tuple[Array, Array]] = {
    "the identity": (np.eye(18), np.eye(18) * 3),
    "one number": (np.outer(np.arange(1, 40), np.ones(6)), np.ones((30, 6))),
    "pairs beside many weights": (
        np.random.default_rng(0).random((500, 2)),
        np.random.default_rng(1).normal(size=(20_000, 2)),
    ),
    "triples on a coarse grid": (
        np.random.default_rng(0).integers(0, 5, (200, 3)) / 4,
        np.random.default_rng(1).integers(0, 5, (500, 3)) / 4,
    ),
    "nothing but zeros": (np.zeros((20, 8)), np.zeros((20, 8))),
}


@pytest.mark.parametrize("which", COINCIDENCES)
def test_what_many_models_hold_is_no_patient(which: str) -> None:
    rows, numbers = COINCIDENCES[which]
    found = search_directions(rows.astype(np.float32), [Stored("here", numbers.astype(np.float32))])
    assert found is None


@pytest.mark.parametrize("name", ["neighbours", "svc"])
@pytest.mark.parametrize("values", ["any", "whole years"])
def test_the_rows_of_a_site_with_one_feature_are_found(name: str, values: str) -> None:
    x, y = single(values)
    machine = KNeighborsClassifier() if name == "neighbours" else SVC(probability=True)
    graph = released(machine, x, y, np.arange(1))
    with pytest.raises(ModelHoldsRows):
        check_rows(graph, x, np.arange(1))


@pytest.mark.parametrize("values", ["any", "whole years"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("tree", {"min_leaf": 1}),
        ("naive-bayes", {}),
        ("svm", {}),
        ("logistic", {}),
        ("mlp", {}),
        ("forest", {"trees": 20, "min_leaf": 1}),
        ("boosting", {"rounds": 40, "max_leaves": 31, "min_leaf": 2}),
    ],
    ids=str,
)
def test_no_learner_of_a_site_with_one_feature_is_refused(
    name: str, parameters: dict[str, object], values: str
) -> None:
    x, y = single(values)
    (learner,) = make_learner(name, parameters, "lint")
    fitted = learner.fit(x[:, :1], y, classes=2, weight=None, seed=0)
    check_rows(export(fitted, np.arange(1), 2), x, np.arange(1))


def single(values: str) -> tuple[Rows, npt.NDArray[np.int32]]:
    """Draw 120 rows of a federation of two features, of which the site has the first."""
    rng = np.random.default_rng(0)
    x = np.zeros((120, 2), np.float32)
    x[:, 0] = rng.random(120) if values == "any" else rng.integers(29, 78, 120) / 100
    return x, (x[:, 0] + rng.normal(0, 0.1, 120) > 0.5).astype(np.int32)
