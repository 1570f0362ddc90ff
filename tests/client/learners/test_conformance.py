"""What every learner must do. To hold another to it, register it, or add a line to `LEARNERS`.

Each registered learner runs through every test with its defaults; a line adds one with
other parameters: its name, its parameters. A learner that treats a weight of 2 exactly
as a repeated row says so in `EXACT`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import pytest
import torch

from grandrounds_client.learners import GROUP, Fitted, Learner, make_learner
from grandrounds_client.plugins import known
from grandrounds_client.release import export
from grandrounds_client.vet import vet
from tests.client.learners.data import CASES, COLUMNS, WIDTH, Case, probes, rows_of, run, widen

NEEDED: dict[str, dict[str, object]] = {"cnn": {"shape": [1, len(COLUMNS), 1]}}
"""What a learner cannot do without."""
LEARNERS: list[tuple[str, dict[str, object]]] = [
    *((name, NEEDED.get(name, {})) for name in known(GROUP)),
    ("tree", {"min_leaf": 5, "max_depth": 2}),
    ("naive-bayes", {"var_smoothing": 0.001}),
    ("logistic", {"C": 1e4}),
    ("svm", {"C": 100.0, "gamma": 2.0, "components": 30}),
    ("mlp", {"hidden": [8, 4], "batch": 20}),
    ("mlp", {"hidden": [], "epochs": 60}),
    ("forest", {"trees": 3, "min_leaf": 1}),
    ("boosting", {"rounds": 30, "max_leaves": 4, "min_leaf": 20, "l2": 0}),
    ("cnn", {"shape": [len(COLUMNS), 1, 1], "channels": [8], "epochs": 30}),
]
EXACT: list[tuple[str, dict[str, object]]] = [
    ("tree", {"min_leaf": 1}),
    ("naive-bayes", {}),
    ("logistic", {}),
]

every_learner = pytest.mark.parametrize(("name", "parameters"), LEARNERS, ids=str)
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def learner(name: str, parameters: dict[str, object], **more: object) -> Learner:
    (one,) = make_learner(name, parameters | more, "conformance")
    return one


def fitted(one: Learner, case: Case, seed: int = 3) -> Fitted:
    x, y = rows_of(case)
    return one.fit(x, y, classes=case.classes, weight=None, seed=seed)


@every_learner
@every_case
def test_probabilities_are_finite_and_sum_to_one(
    name: str, parameters: dict[str, object], case: Case
) -> None:
    x = probes(rows_of(case)[0])
    found = fitted(learner(name, parameters), case).predict_proba(x)
    assert found.dtype == np.float32
    assert found.shape == (len(x), case.classes)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@every_learner
@every_case
def test_a_class_without_rows_has_probability_zero(
    name: str, parameters: dict[str, object], case: Case
) -> None:
    found = fitted(learner(name, parameters), case).predict_proba(rows_of(case)[0])
    assert set(np.flatnonzero(found.any(axis=0))) == set(case.present)


@every_learner
@every_case
def test_it_learns(name: str, parameters: dict[str, object], case: Case) -> None:
    x, y = rows_of(case, count=300)
    one = learner(name, parameters)
    found = one.fit(x, y, classes=case.classes, weight=None, seed=3).predict_proba(x)
    assert (found.argmax(axis=1) == y).mean() > 1.2 / len(case.present)


@every_learner
@every_case
def test_the_release_agrees_with_the_model(
    name: str, parameters: dict[str, object], case: Case
) -> None:
    model = fitted(learner(name, parameters), case)
    x = probes(rows_of(case)[0])
    released = run(export(model, COLUMNS, WIDTH), widen(x))
    assert released.dtype == np.float32
    np.testing.assert_allclose(released, model.predict_proba(x), atol=1e-5)


@every_learner
@every_case
def test_the_release_ignores_columns_the_site_lacks(
    name: str, parameters: dict[str, object], case: Case
) -> None:
    graph = export(fitted(learner(name, parameters), case), COLUMNS, WIDTH)
    x = probes(rows_of(case)[0])
    np.testing.assert_array_equal(run(graph, widen(x, 0.0)), run(graph, widen(x, 1.0)))


@every_learner
@every_case
def test_peers_accept_the_release(name: str, parameters: dict[str, object], case: Case) -> None:
    one = learner(name, parameters)
    model = fitted(one, case)
    teacher = vet(
        export(model, COLUMNS, WIDTH),
        name="north",
        algorithm=one.algorithm,
        width=WIDTH,
        classes=case.classes,
    )
    x = probes(rows_of(case)[0])
    np.testing.assert_allclose(teacher.predict_proba(widen(x)), model.predict_proba(x), atol=1e-5)
    assert teacher.columns.tolist() == COLUMNS.tolist()


@every_learner
@every_case
def test_the_release_uses_standard_operators_only(
    name: str, parameters: dict[str, object], case: Case
) -> None:
    graph = export(fitted(learner(name, parameters), case), COLUMNS, WIDTH)
    model = onnx.ModelProto.FromString(graph)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx.ml"}
    assert {entry.domain for entry in model.opset_import} <= {"", "ai.onnx.ml"}
    assert [value.name for value in model.graph.output] == ["probabilities"]


@every_learner
@every_case
def test_the_same_seed_gives_the_same_bytes(
    name: str, parameters: dict[str, object], case: Case
) -> None:
    one = learner(name, parameters)
    first, second = (export(fitted(one, case), COLUMNS, WIDTH) for _ in range(2))
    assert first == second


@every_learner
def test_the_global_generators_neither_matter_nor_move(
    name: str, parameters: dict[str, object]
) -> None:
    one = learner(name, parameters)
    quiet = export(fitted(one, CASES[1]), COLUMNS, WIDTH)
    before = _global_state()
    fitted(one, CASES[1])
    assert _global_state() == before
    with _other_thread_draws():
        noisy = export(fitted(one, CASES[1]), COLUMNS, WIDTH)
    assert noisy == quiet


@every_learner
def test_a_heavier_class_is_predicted_more(name: str, parameters: dict[str, object]) -> None:
    one = learner(name, parameters, balanced=False)
    x, y = rows_of(CASES[1])
    heavy = np.where(y == 1, 20, 1).astype(np.float32)
    plain = one.fit(x, y, classes=3, weight=None, seed=3).predict_proba(probes(x))
    shifted = one.fit(x, y, classes=3, weight=heavy, seed=3).predict_proba(probes(x))
    assert shifted[:, 1].mean() > plain[:, 1].mean() + 0.01


@every_learner
def test_a_row_of_weight_zero_is_not_there(name: str, parameters: dict[str, object]) -> None:
    one = learner(name, parameters)
    x, y = rows_of(CASES[1])
    kept = x[:, 0] < 0.7
    weight = kept.astype(np.float32)
    weighted = one.fit(x, y, classes=3, weight=weight, seed=3).predict_proba(probes(x))
    without = one.fit(x[kept], y[kept], classes=3, weight=None, seed=3).predict_proba(probes(x))
    np.testing.assert_array_equal(weighted, without)


@pytest.mark.parametrize(("name", "parameters"), EXACT, ids=str)
@pytest.mark.parametrize("balanced", [True, False])
def test_a_row_of_weight_two_counts_as_two_rows(
    name: str, parameters: dict[str, object], balanced: bool
) -> None:
    one = learner(name, parameters, balanced=balanced)
    x, y = rows_of(CASES[1])
    times = np.where(x[:, 1] < 0.5, 2, 1)
    weighted = one.fit(x, y, classes=3, weight=times.astype(np.float32), seed=3)
    repeated = one.fit(x.repeat(times, 0), y.repeat(times), classes=3, weight=None, seed=3)
    # Not on the probes: equally good splits may lie between other training values.
    np.testing.assert_allclose(weighted.predict_proba(x), repeated.predict_proba(x), atol=1e-3)


@every_learner
def test_balancing_speaks_for_the_rare_class(name: str, parameters: dict[str, object]) -> None:
    x, y = rows_of(CASES[0], count=200)
    rare = np.flatnonzero(y == 1)[20:]
    x, y = np.delete(x, rare, 0), np.delete(y, rare)
    balanced, plain = (
        learner(name, parameters, balanced=choice).fit(x, y, classes=2, weight=None, seed=3)
        for choice in (True, False)
    )
    z = probes(x)
    assert balanced.predict_proba(z)[:, 1].mean() > plain.predict_proba(z)[:, 1].mean()


@every_learner
@pytest.mark.parametrize("y", [[0, 1, 1], [2, 0, 1]], ids=str)
def test_three_rows_are_enough(name: str, parameters: dict[str, object], y: list[int]) -> None:
    x, _ = rows_of(CASES[1], count=3)
    labels = np.array(y, dtype=np.int32)
    model = learner(name, parameters).fit(x, labels, classes=3, weight=None, seed=3)
    z = probes(x)
    released = run(export(model, COLUMNS, WIDTH), widen(z))
    np.testing.assert_allclose(released, model.predict_proba(z), atol=1e-5)
    np.testing.assert_allclose(released.sum(axis=1), 1, atol=1e-5)


@every_learner
def test_rows_that_cannot_be_told_apart_are_no_error(
    name: str, parameters: dict[str, object]
) -> None:
    x = np.full((12, len(COLUMNS)), 0.5, dtype=np.float32)
    y = np.arange(12, dtype=np.int32) % 2
    model = learner(name, parameters).fit(x, y, classes=2, weight=None, seed=3)
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1, atol=1e-5)


def _global_state() -> tuple[str, bytes, int]:
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002 (what is guarded here)
    torchs = torch.get_rng_state().numpy().tobytes()
    return str(numpys), torchs, torch.get_num_threads()


@contextmanager
def _other_thread_draws() -> Iterator[None]:
    done = threading.Event()

    def draw() -> None:
        while not done.is_set():
            np.random.seed(0)  # noqa: NPY002
            np.random.random(10)  # noqa: NPY002
            torch.manual_seed(0)
            torch.rand(10)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
