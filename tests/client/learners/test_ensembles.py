"""What is particular to forests and boosting."""

import time

import numpy as np
import pytest

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.counterfactuals import find
from grandrounds_client.learners import Learner, make_learner
from grandrounds_client.learners.forest import RandomForest
from grandrounds_client.release import export
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from tests.client.learners.data import CASES, COLUMNS, WIDTH, probes, rows_of, run, widen


def released(name: str, x: Rows, y: Labels, **parameters: object) -> Teacher:
    learner: Learner
    (learner,) = make_learner(name, parameters, "site.toml")
    fitted = learner.fit(x, y, classes=3, weight=None, seed=0)
    graph = export(fitted, COLUMNS, WIDTH)
    return vet(graph, name="north", algorithm=learner.algorithm, width=WIDTH, classes=3)


@pytest.mark.parametrize("name", ["forest", "boosting"])
def test_rows_are_moved_across_its_boundary(name: str) -> None:
    x, y = rows_of(CASES[1], count=300)
    teacher = released(name, x, y)
    assert teacher.leaves is None
    assert teacher.differentiable is None
    seeds, labels = widen(x[:20]), ((y[:20] + 1) % 3).astype(np.int32)
    found = find(teacher, seeds, labels, rng=np.random.default_rng(0))
    assert found.engine == "boxes"
    assert found.converged.mean() > 0.6  # from class 0 to 2 the way leads through 1
    before, after = (teacher.predict_proba(rows) for rows in (seeds, found.x))
    at = np.arange(20)
    assert (after[at, labels] > before[at, labels])[found.converged].all()


def test_a_forest_is_the_mean_of_its_trees() -> None:
    x, y = rows_of(CASES[1], count=200)
    fitted = RandomForest(trees=20, balanced=False).fit(x, y, classes=3, weight=None, seed=0)
    expected = fitted.model.predict_proba(x)  # type: ignore[attr-defined]
    np.testing.assert_allclose(fitted.predict_proba(x), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["forest", "boosting"])
@pytest.mark.parametrize("ulps", [1, 3])
def test_the_release_splits_where_the_trees_split(name: str, ulps: int) -> None:
    rng = np.random.default_rng(ulps)
    # neighbouring float32 numbers: their midpoint has to be rounded to one side
    low = np.full((40, len(COLUMNS)), 0.3, dtype=np.float32)
    x = (low + rng.integers(0, 1 + ulps, size=low.shape) * np.spacing(low)).astype(np.float32)
    y = rng.integers(0, 2, size=40).astype(np.int32)
    (learner,) = make_learner(name, {"min_leaf": 1}, "site.toml")
    fitted = learner.fit(x, y, classes=2, weight=None, seed=0)
    answers = run(export(fitted, COLUMNS, WIDTH), widen(x))
    np.testing.assert_allclose(answers, fitted.predict_proba(x), atol=1e-5)


def test_a_forest_of_noise_on_six_thousand_rows_is_accepted() -> None:
    # labels that say nothing make the largest trees, five rows to a leaf
    rng = np.random.default_rng(0)
    x = rng.random((6000, len(COLUMNS)), dtype=np.float32)
    y = rng.integers(0, 3, size=6000).astype(np.int32)
    start = time.monotonic()
    teacher = released("forest", x, y)
    assert time.monotonic() - start < 60
    assert teacher.predict_proba(widen(probes(x[:50]))).shape[1] == 3
