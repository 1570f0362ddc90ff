"""Learners by name: the built-in ones, grids of them, and a site's own."""

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from grandrounds_client import plugins
from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.learners import Fitted, make_learner
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.sklearn_model import SklearnModel
from grandrounds_client.learners.training import prepare
from grandrounds_client.release import export
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.settings import Settings
from tests.client.learners.data import CASES, COLUMNS, WIDTH, probes, rows_of, run, widen


class Forest(Settings):
    """A learner that a site might bring."""

    algorithm: ClassVar[str] = "random forest"
    trees: int = 5

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        rows = prepare(x, y, classes=classes, weight=weight, balanced=True)
        model = RandomForestClassifier(self.trees, min_samples_leaf=5, random_state=seed)
        return placed(SklearnModel(model.fit(rows.x, rows.y, rows.weight)), rows)


def install(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    def entry_points(*, group: str) -> EntryPoints:
        return EntryPoints(EntryPoint(name, value, group) for name, value in points.items())

    monkeypatch.setattr(plugins, "entry_points", entry_points)


def test_an_unknown_learner_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInput) as caught:
        make_learner("oracle", {}, "north/site.toml")
    assert "north/site.toml" in caught.value.where
    for name in ("boosting", "cnn", "forest", "logistic", "mlp", "naive-bayes", "svm", "tree"):
        assert name in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "parameters", "field"),
    [
        ("tree", {"leaf": 5}, "leaf"),
        ("tree", {"leaf": [5, 6]}, "leaf"),
        ("tree", {"min_leaf": 0}, "min_leaf"),
        ("tree", {"min_leaf": [10, 0]}, "min_leaf"),
        ("tree", {"min_leaf": []}, "min_leaf"),
        ("tree", {"max_depth": "deep"}, "max_depth"),
        ("svm", {"C": float("nan")}, "C"),
        ("svm", {"gamma": float("inf")}, "gamma"),
        ("naive-bayes", {"var_smoothing": 0.0}, "var_smoothing"),
        ("mlp", {"hidden": [0]}, "hidden"),
        ("mlp", {"hidden": 32}, "hidden"),
        ("forest", {"trees": 0}, "trees"),
        ("boosting", {"max_leaves": 1}, "max_leaves"),
        ("cnn", {"shape": [28, 28]}, "shape"),
        ("cnn", {"channels": []}, "channels"),
        ("svm", {"C": [1.0] * 40, "gamma": [1.0] * 40}, "parameters"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named_with_its_file(
    name: str, parameters: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        make_learner(name, parameters, "north/site.toml")
    assert "north/site.toml" in caught.value.where
    assert field in caught.value.where


def test_lists_of_values_span_a_grid() -> None:
    grid: Any = make_learner("svm", {"C": [0.1, 1.0], "gamma": [0.5, 2], "folds": 3}, "site.toml")
    assert [(one.C, one.gamma, one.folds) for one in grid] == [
        (0.1, 0.5, 3),
        (0.1, 2.0, 3),
        (1.0, 0.5, 3),
        (1.0, 2.0, 3),
    ]


def test_a_parameter_that_is_a_list_needs_lists_of_lists_for_a_grid() -> None:
    (single,) = make_learner("mlp", {"hidden": [8, 4]}, "site.toml")
    grid = make_learner("mlp", {"hidden": [[8], [8, 4]]}, "site.toml")
    assert [one.hidden for one in (single, *grid)] == [(8, 4), (8,), (8, 4)]  # type: ignore[attr-defined]


def test_learners_do_not_change_later() -> None:
    (tree,) = make_learner("tree", {}, "site.toml")
    with pytest.raises(ValueError, match="frozen"):
        tree.min_leaf = 1  # type: ignore[attr-defined]


def test_a_site_brings_its_own_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, forest=f"{__name__}:Forest")
    (forest,) = make_learner("forest", {"trees": 3}, "site.toml")
    x, y = rows_of(CASES[2])
    model = forest.fit(x, y, classes=3, weight=None, seed=0)
    released = run(export(model, COLUMNS, WIDTH), widen(probes(x)))
    np.testing.assert_allclose(released, model.predict_proba(probes(x)), atol=1e-5)
    assert forest.algorithm == "random forest"


@pytest.mark.parametrize(
    "value", ["no_such_package:Forest", f"{__name__}:Missing", f"{__name__}:install"]
)
def test_an_entry_point_that_is_no_learner_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    install(monkeypatch, broken=value)
    with pytest.raises(BadInput, match="cannot be loaded"):
        make_learner("broken", {}, "site.toml")
