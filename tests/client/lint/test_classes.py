"""A released graph states no mean of a class of a few patients."""

import numpy as np
import pytest

from grandrounds_client.arrays import Rows
from grandrounds_client.learners import make_learner
from grandrounds_client.lint import check_classes
from grandrounds_client.release import export
from grandrounds_client.split import Examples
from grandrounds_protocol.errors import ModelHoldsRows
from tests.client.lint.patients import COLUMNS, WIDTH, hospital, network, own_columns, tensor


def rare(count: int, numbers: int = 5) -> Examples:
    """Return rows with `count` of class 2."""
    x, y = hospital(numbers=numbers)
    y[:count] = 2
    return Examples(x, y)


def graph(name: str, rows: Examples, numbers: int = 5) -> bytes:
    (learner,) = make_learner(name, {}, "lint")
    columns = own_columns(numbers)
    fitted = learner.fit(rows.x[:, columns], rows.y, classes=3, weight=None, seed=0)
    return export(fitted, columns, WIDTH)


@pytest.mark.parametrize(
    ("count", "numbers"), [(3, 0), (9, 0), (1, 1), (3, 1), (9, 1), (1, 5), (3, 5), (9, 5)]
)
def test_naive_bayes_of_a_few_patients_is_refused(count: int, numbers: int) -> None:
    rows = rare(count, numbers)
    with pytest.raises(ModelHoldsRows, match="1 of the 1 classes with fewer than 10") as refusal:
        check_classes(graph("naive-bayes", rows, numbers), rows, rows, own_columns(numbers), 10)
    assert "logistic" in refusal.value.remedy


def test_virtual_rows_do_not_make_a_class_larger() -> None:
    own, virtual = rare(3), hospital(seed=4)[0][:20]
    fitted = Examples(np.concatenate([own.x, virtual]), np.concatenate([own.y, np.full(20, 2)]))
    with pytest.raises(ModelHoldsRows):
        check_classes(graph("naive-bayes", fitted), own, fitted, COLUMNS, 10)


def test_naive_bayes_of_enough_patients_passes() -> None:
    rows = rare(10)
    check_classes(graph("naive-bayes", rows), rows, rows, COLUMNS, 10)


@pytest.mark.parametrize("name", ["tree", "logistic", "svm", "mlp", "boosting"])
def test_learners_without_means_pass(name: str) -> None:
    rows = rare(5)
    check_classes(graph(name, rows), rows, rows, COLUMNS, 10)


def test_a_mean_is_found_under_any_name() -> None:
    rows = rare(3)
    mean: Rows = rows.x[:3, COLUMNS].mean(axis=0)
    hidden = np.stack([mean, mean[::-1], mean * 2], axis=1)
    with pytest.raises(ModelHoldsRows) as refusal:
        check_classes(network(tensor("W2", hidden)), rows, rows, COLUMNS, 10)
    assert refusal.value.where == "tensor 'W2'"
