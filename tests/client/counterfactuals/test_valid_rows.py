"""Counterfactuals that a record can hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.counterfactuals import Problem, Solution, find, gaps, target
from grandrounds_client.counterfactuals.projection import project, valid
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Ordinal
from tests.client.counterfactuals.toy_teachers import draw_rows


@pytest.mark.parametrize("kind", ["tree", "logistic", "naive-bayes", "mlp", "forest"])
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**31), known=st.integers(0, 25))
def test_rows_are_valid_and_only_known_columns_move(
    teachers: dict[str, Teacher], layout: Layout, kind: str, seed: int, known: int
) -> None:
    rng = np.random.default_rng(seed)
    x = draw_rows(layout, 15, rng)
    columns = np.sort(rng.permutation(25)[:known])
    teacher = replace(teachers[kind], columns=columns)
    y = rng.integers(0, 2, 15).astype(np.int32)
    found = find(teacher, x, y, rng=rng, layout=layout)
    assert valid(x, layout).all()
    assert valid(found.x, layout).all()
    assert ((found.x >= 0) & (found.x <= 1)).all()
    fixed = np.setdiff1d(np.arange(25), columns)
    assert np.array_equal(found.x[:, fixed], x[:, fixed])
    start = teacher.predict_proba(x)
    reached = gaps(teacher.predict_proba(found.x), target(start, y, 0.5))
    np.testing.assert_allclose(found.gap, reached, atol=1e-5)


@pytest.mark.parametrize("kind", ["logistic", "naive-bayes", "mlp"])
def test_continuous_columns_make_up_for_what_categories_overshoot(
    teachers: dict[str, Teacher], layout: Layout, rows: Rows, labels: Labels, kind: str
) -> None:
    rng = np.random.default_rng(0)
    found = find(teachers[kind], rows[200:], 1 - labels[200:], rng=rng, layout=layout)
    assert found.converged.mean() >= 0.95


@pytest.fixture
def small() -> Layout:
    """One number, a colour of three, four grades."""
    return Layout(
        (
            Continuous(name="age", low=0, high=1),
            Categorical(kind="categorical", name="colour", categories=("red", "green", "blue")),
            Ordinal(kind="ordinal", name="grade", levels=("a", "b", "c", "d")),
        )
    )


def believing(weight: list[float], columns: list[int]) -> Teacher:
    """Return the weighted sum of the columns as the probability of class 1."""

    def predict(x: Rows) -> Rows:
        second = np.clip(x @ np.array(weight, np.float32), 0, 1)
        return np.stack([1 - second, second], axis=1)

    return Teacher("north", "sum", np.array(columns), 2, predict)


def projected(
    small: Layout, teacher: Teacher, seed: list[float], moved: list[float], wanted: float
) -> list[float]:
    x = np.array([seed], np.float32)
    movable = np.isin(np.arange(5), teacher.columns)
    goal = np.array([[1 - wanted, wanted]], np.float32)
    problem = Problem(x, teacher.predict_proba(x), goal, movable, epsilon=0.05)
    lam, proved = np.array([1000.0], np.float32), np.zeros(1, np.bool_)
    solution = Solution(np.array([moved], np.float32), lam, proved)
    row = project(teacher, problem, solution, small)[0]
    return [round(value, 4) for value in row.tolist()]


ALL = [0, 1, 2, 3, 4]


def test_the_model_judges_between_staying_and_moving(small: Layout) -> None:
    teacher = believing([0, 0, 1, 0, 0], ALL)
    seed, moved = [0.5, 1, 0, 0, 0], [0.5, 0.6, 0.4, 0, 0]
    assert projected(small, teacher, seed, moved, 0.9) == [0.5, 0, 1, 0, 0]
    assert projected(small, teacher, seed, moved, 0.1) == seed


def test_a_category_that_should_only_be_left_goes_where_the_model_agrees(small: Layout) -> None:
    teacher = believing([0, 0, 0.3, 0.9, 0], ALL)
    left = projected(small, teacher, [0.5, 1, 0, 0, 0], [0.5, 0.49, 0, 0, 0], 0.9)
    assert left == [0.5, 0, 0, 1, 0]


def test_a_missing_category_may_stay_missing(small: Layout) -> None:
    teacher = believing([1, 0, 0, 0, 0], ALL)
    assert projected(small, teacher, [0.1] + [0.0] * 4, [0.9, 0.1, 0, 0, 0], 0.9)[1:4] == [0, 0, 0]


def test_a_group_known_in_part_returns_to_the_seed(small: Layout) -> None:
    teacher = believing([1, 1, 0, 0, 0], [0, 1])
    row = projected(small, teacher, [0.1, 0, 1, 0, 0], [0.8, 0.4, 1, 0, 0], 0.8)
    assert row[1:4] == [0, 1, 0]


def test_a_grade_goes_to_the_level_the_model_prefers(small: Layout) -> None:
    teacher = believing([0, 0, 0, 0, 1], ALL)
    assert projected(small, teacher, [0.5, 1, 0, 0, 0], [0.5, 1, 0, 0, 0.45], 0.66)[4] == 0.6667
    assert projected(small, teacher, [0.5, 1, 0, 0, 0], [0.5, 1, 0, 0, 0.45], 0.3)[4] == 0.3333


def test_a_projection_worse_than_the_seed_is_not_made(small: Layout) -> None:
    teacher = believing([0.5, 0.5, 0, 0, 0], ALL)
    seed = [0.5, 1, 0, 0, 0]
    assert projected(small, teacher, seed, [0.0, 0.2, 0.8, 0, 0], 0.75) == seed


def late_overshoot(_teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
    """Stay at first; fly off in all columns when asked again for the continuous ones."""
    step = np.float32(0 if problem.movable.all() else 7)
    lam = np.full(len(problem), 1000, np.float32)
    return Solution(problem.x + step, lam, np.zeros(len(problem), np.bool_))


def test_the_second_answer_is_held_to_the_contract_too(small: Layout) -> None:
    teacher = believing([1, 0, 0, 0, 0], ALL)
    x, y = np.array([[0.25, 1, 0, 0, 0]], np.float32), np.ones(1, np.int32)
    rng = np.random.default_rng(0)
    found = find(teacher, x, y, rng=rng, alpha=1.0, engine=late_overshoot, layout=small)
    assert found.x.tolist() == [[1, 1, 0, 0, 0]]


def test_valid_knows_what_a_record_can_hold(small: Layout) -> None:
    rows = np.array(
        [
            [0.3, 1, 0, 0, 1 / 3],
            [0.3, 0, 0, 0, 0],
            [0.3, 0.5, 0.5, 0, 0],
            [0.3, 1, 1, 0, 0],
            [0.3, 1, 0, 0, 0.5],
        ],
        np.float32,
    )
    assert valid(rows, small).tolist() == [True, True, False, False, False]
