"""The entry: which engine, which arguments, and what a foreign engine may not do."""

import numpy as np
import pytest

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.counterfactuals import Problem, Solution, find, gaps, target
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Continuous


@pytest.mark.parametrize(
    ("kind", "engine"),
    [
        ("tree", "exact"),
        ("logistic", "linear"),
        ("mlp", "linear"),
        ("forest", "boxes"),
        ("mlp-black-box", "swarm"),
    ],
)
def test_the_graph_decides_the_engine(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    rng = np.random.default_rng(0)
    assert find(teachers[kind], rows[:3], labels[:3], rng=rng).engine == engine


@pytest.mark.parametrize(
    ("kind", "engine"),
    [
        ("mlp", "exact"),
        ("forest", "exact"),
        ("tree", "adam"),
        ("tree", "linear"),
        ("tree", "pso"),
        ("tree", "boxes"),
    ],
)
def test_an_engine_that_does_not_fit_is_refused_with_a_remedy(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        find(teachers[kind], rows[:3], labels[:3], rng=np.random.default_rng(0), engine=engine)
    assert "auto" in refusal.value.remedy


@pytest.mark.parametrize(
    ("kind", "engine", "taken"),
    [("mlp", "exact", "linear"), ("tree", "adam", "exact"), ("forest", "linear", "boxes")],
)
def test_where_a_round_names_an_engine_that_does_not_fit_the_automatic_one_writes(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str, taken: str
) -> None:
    asked, auto = (
        find(
            teachers[kind],
            rows[:3],
            labels[:3],
            rng=np.random.default_rng(0),
            engine=name,
            fallback=True,
        )
        for name in (engine, "auto")
    )
    assert asked.engine == auto.engine == taken
    assert (asked.x == auto.x).all()


def hostile(_teacher: Teacher, problem: Problem, rng: np.random.Generator) -> Solution:
    far = rng.normal(0, 9, problem.x.shape).astype(np.float32)
    lam = np.full(len(problem), 0.001, np.float32)
    return Solution(far, lam, np.ones(len(problem), np.bool_))


def test_a_foreign_engine_is_held_to_the_contract(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    rng = np.random.default_rng(0)
    found = find(teachers["logistic"], rows[:20], labels[:20], rng=rng, engine=hostile)
    assert found.engine == "hostile"
    assert np.array_equal(found.x, rows[:20])


def overshooting(_teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
    lam = np.full(len(problem), 65536, np.float32)
    return Solution(problem.x + np.float32(7), lam, np.zeros(len(problem), np.bool_))


def test_an_answer_outside_the_box_is_brought_back_to_its_wall() -> None:
    def predict(x: Rows) -> Rows:
        return np.stack([1 - x[:, 0], x[:, 0]], axis=1)

    teacher = Teacher("north", "toy", np.array([0]), 2, predict)
    x, y = np.array([[0.2, 0.3]], np.float32), np.array([1], np.int32)
    found = find(teacher, x, y, rng=np.random.default_rng(0), alpha=1.0, engine=overshooting)
    assert found.x.tolist() == [[1.0, x[0, 1]]]


@pytest.mark.parametrize(
    "wrong", [{"alpha": 1.5}, {"epsilon": 0.0}, {"margin": -0.1}, {"chunk": 0}]
)
def test_numbers_out_of_range_are_refused(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, wrong: dict[str, float]
) -> None:
    with pytest.raises(BadInput):
        find(teachers["tree"], rows, labels, rng=np.random.default_rng(0), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_seeds_outside_the_box_are_refused(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, value: float
) -> None:
    x = rows.copy()
    x[3, 4] = value
    with pytest.raises(BadInput, match="unit box"):
        find(teachers["tree"], x, labels, rng=np.random.default_rng(0))


def test_labels_columns_and_layout_must_fit(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    rng, tree = np.random.default_rng(0), teachers["tree"]
    narrow = Layout((Continuous(name="age", low=0, high=1),))
    with pytest.raises(BadInput, match="do not fit"):
        find(tree, rows, labels[:-1], rng=rng)
    with pytest.raises(BadInput, match="class"):
        find(tree, rows, labels + 1, rng=rng)
    with pytest.raises(BadInput, match="narrower"):
        find(tree, rows, labels, rng=rng, layout=narrow)
    with pytest.raises(BadInput, match="narrower"):
        find(tree, rows[:, :20], labels, rng=rng)


def test_the_target_stands_between_the_prediction_and_certainty() -> None:
    start = np.array([[0.2, 0.8], [0.5, 0.5]], np.float32)
    wanted = target(start, np.array([0, 1], np.int32), 0.5)
    np.testing.assert_allclose(wanted, [[0.6, 0.4], [0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(gaps(start, wanted), [0.4 * 2**0.5, 0.25 * 2**0.5], rtol=1e-6)
