"""What is particular to the support vector machine."""

import numpy as np
import pytest

from grandrounds_client.learners.svm import FourierSVM
from tests.client.learners.data import CASES, rows_of


def test_it_bends_where_a_linear_model_cannot() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((300, 2), dtype=np.float32)
    y = ((x[:, 0] > 0.5) ^ (x[:, 1] > 0.5)).astype(np.int32)
    model = FourierSVM(gamma=5.0, C=10.0).fit(x, y, classes=2, weight=None, seed=0)
    assert (model.predict_proba(x).argmax(axis=1) == y).mean() > 0.9


def test_rows_of_no_class_share_evenly_instead_of_dividing_by_zero() -> None:
    x, y = rows_of(CASES[1])
    model = FourierSVM().fit(x, y, classes=3, weight=None, seed=0)
    far = model.predict_proba(x * np.float32(1e6))
    assert np.isfinite(far).all()
    np.testing.assert_allclose(far.sum(axis=1), 1, atol=1e-5)


def test_the_seed_draws_the_waves() -> None:
    x, y = rows_of(CASES[0])
    one, other = (FourierSVM().fit(x, y, classes=2, weight=None, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.predict_proba(x), other.predict_proba(x))


@pytest.mark.parametrize("seed", range(6))
def test_few_rows_of_a_class_do_not_turn_the_machine_upside_down(seed: int) -> None:
    # of four rows the ones left out may lie on the wrong side by chance
    rng = np.random.default_rng(seed)
    x = rng.random((60, 12), np.float32)
    y = np.ones(60, np.int32)
    few = np.argsort(x[:, 0] + rng.normal(0, 0.5, 60))[:4]
    y[few] = 0
    model = FourierSVM().fit(x, y, classes=2, weight=None, seed=0)
    found = model.predict_proba(x)[:, 1]
    assert found[y == 1].mean() > found[y == 0].mean()
