"""Validation rows choose among learners."""

import numpy as np

from grandrounds_client.learners import Learner, choose, make_learner
from tests.client.learners.data import CASES, rows_of

TRAIN, VALIDATION = rows_of(CASES[0], seed=0), rows_of(CASES[0], seed=1)


def trees(**parameters: object) -> list[Learner]:
    return make_learner("tree", parameters, "site.toml")


def test_the_best_on_validation_rows_is_chosen() -> None:
    # No split of 60 rows leaves 60 in each part: that tree is a constant.
    candidates = trees(min_leaf=[60, 5])
    assert choose(candidates, TRAIN, VALIDATION, classes=2, seed=0) is candidates[1]


def test_ties_go_to_the_first() -> None:
    candidates = trees(min_leaf=[5, 5])
    assert choose(candidates, TRAIN, VALIDATION, classes=2, seed=0) is candidates[0]


def test_without_two_classes_to_validate_on_the_first_is_taken() -> None:
    candidates = trees(min_leaf=[60, 5])
    x, y = VALIDATION
    for kept in (np.zeros(len(y), dtype=bool), y == 1):
        chosen = choose(candidates, TRAIN, (x[kept], y[kept]), classes=2, seed=0)
        assert chosen is candidates[0]
