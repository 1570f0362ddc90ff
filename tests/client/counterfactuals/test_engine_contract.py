"""What holds for every engine on every teacher it fits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.counterfactuals import (
    Counterfactuals,
    distances,
    find,
    gaps,
    objective,
    target,
)
from grandrounds_client.teacher import Teacher

CASES = [
    ("tree", "exact"),
    ("logistic", "linear"),
    ("naive-bayes", "linear"),
    ("mlp", "linear"),
    ("logistic", "adam"),
    ("naive-bayes", "adam"),
    ("mlp", "adam"),
    ("forest", "boxes"),
    ("tree", "swarm"),
    ("logistic", "swarm"),
    ("forest", "swarm"),
    ("mlp-black-box", "swarm"),
]
every_engine = pytest.mark.parametrize(("kind", "engine"), CASES)
a_few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def solve(teacher: Teacher, x: Rows, y: Labels, engine: str, **options: float) -> Counterfactuals:
    rng = np.random.default_rng(0)
    return find(teacher, x, y, rng=rng, engine=engine, **options)  # type: ignore[arg-type]


@every_engine
@a_few
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 20),
    known=st.integers(0, 25),
    alpha=st.floats(0, 1),
    epsilon=st.floats(0.01, 0.2),
)
def test_the_answer_stays_in_the_box_moves_known_columns_and_beats_the_seed(
    teachers: dict[str, Teacher],
    kind: str,
    engine: str,
    seed: int,
    n: int,
    known: int,
    alpha: float,
    epsilon: float,
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.random((n, 25), dtype=np.float32) * rng.integers(0, 2, (n, 25)).astype(np.float32)
    y = rng.integers(0, 2, n).astype(np.int32)
    columns = np.sort(rng.permutation(25)[:known])
    teacher = replace(teachers[kind], columns=columns)
    found = solve(teacher, x, y, engine, alpha=alpha, epsilon=epsilon)

    fixed = np.setdiff1d(np.arange(25), columns)
    assert ((found.x >= 0) & (found.x <= 1)).all()
    assert (found.x[:, fixed].view(np.int32) == x[:, fixed].view(np.int32)).all()

    start = teacher.predict_proba(x)
    wanted = target(start, y, alpha)
    before = objective(np.zeros(n, np.float32), gaps(start, wanted), found.lam)
    assert (objective(found.distance, found.gap, found.lam) <= before + 1e-5 * found.lam).all()
    np.testing.assert_allclose(found.gap, gaps(teacher.predict_proba(found.x), wanted), atol=1e-5)
    np.testing.assert_allclose(found.distance, distances(found.x, x), atol=1e-6)
    assert found.converged[found.gap <= epsilon].all()
    if engine != "exact":
        assert (found.gap[found.converged] <= epsilon).all()


@every_engine
def test_records_are_float32_and_named_after_the_engine(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    found = solve(teachers[kind], rows[:7], labels[:7], engine)
    shapes = [part.shape for part in (found.x, found.gap, found.distance, found.lam)]
    assert shapes == [(7, 25), (7,), (7,), (7,)]
    kinds = {part.dtype for part in (found.x, found.gap, found.distance, found.lam)}
    assert kinds == {np.dtype(np.float32)}
    assert found.converged.dtype == np.bool_
    assert (found.engine, len(found)) == (engine, 7)


@every_engine
def test_no_seeds_give_no_rows(teachers: dict[str, Teacher], kind: str, engine: str) -> None:
    found = solve(teachers[kind], np.empty((0, 25), np.float32), np.empty(0, np.int32), engine)
    assert found.x.shape == (0, 25)
    assert len(found.converged) == len(found.gap) == len(found.lam) == 0
    assert found.engine == engine


@every_engine
def test_the_same_generator_gives_the_same_rows_and_no_input_changes(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    x, y = rows[:30].copy(), labels[:30].copy()
    x.setflags(write=False)
    y.setflags(write=False)
    first, second = (solve(teachers[kind], x, y, engine) for _ in range(2))
    assert np.array_equal(first.x, second.x)
    assert np.array_equal(x, rows[:30])


@pytest.mark.parametrize(("kind", "engine"), [*CASES[:4], ("forest", "boxes")])
def test_a_row_does_not_depend_on_its_chunk(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    whole = solve(teachers[kind], rows[300:340], labels[300:340], engine)
    parts = solve(teachers[kind], rows[300:340], labels[300:340], engine, chunk=7)
    np.testing.assert_allclose(whole.x, parts.x, atol=0 if engine in {"exact", "boxes"} else 1e-3)


@every_engine
def test_a_seed_that_meets_its_target_comes_back(
    teachers: dict[str, Teacher], rows: Rows, kind: str, engine: str
) -> None:
    teacher, x = teachers[kind], rows[:40]
    y = teacher.predict_proba(x).argmax(axis=1).astype(np.int32)
    found = solve(teacher, x, y, engine, alpha=0.0)
    assert np.array_equal(found.x, x)
    assert found.converged.all()
    assert (found.lam == 1).all()


@every_engine
def test_nothing_global_is_touched(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    numpy_before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    torch_before = torch.get_rng_state()
    with torch.no_grad():
        solve(teachers[kind], rows[:5], labels[:5], engine)
        assert not torch.is_grad_enabled()
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # type: ignore[index]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


@every_engine
def test_a_teacher_that_reads_nothing_moves_nothing(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels, kind: str, engine: str
) -> None:
    teacher = replace(teachers[kind], columns=np.empty(0, np.int64))
    found = solve(teacher, rows[:10], labels[:10], engine)
    assert np.array_equal(found.x, rows[:10])


@pytest.mark.parametrize(
    ("kind", "engine", "share"),
    [
        ("logistic", "linear", 0.98),
        ("naive-bayes", "linear", 0.98),
        ("mlp", "linear", 0.98),
        ("logistic", "adam", 0.95),
        ("naive-bayes", "adam", 0.95),
        ("mlp", "adam", 0.95),
        ("forest", "boxes", 0.99),
        ("logistic", "swarm", 0.9),
        ("forest", "swarm", 0.9),
        ("mlp-black-box", "swarm", 0.9),
    ],
)
def test_most_rows_converge_whatever_the_class(
    teachers: dict[str, Teacher],
    rows: Rows,
    labels: Labels,
    kind: str,
    engine: str,
    share: float,
) -> None:
    x, y = rows[200:], labels[200:].copy()
    y[::3] = 1 - y[::3]
    found = solve(teachers[kind], x, y, engine)
    start = teachers[kind].predict_proba(x)
    far = gaps(start, target(start, y, 0.5)) > 0.05
    assert far.sum() > 60
    assert found.converged[far].mean() >= share
