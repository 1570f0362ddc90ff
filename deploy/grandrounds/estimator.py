"""Scikit-learn classifiers, and functions that fit one, as learners of a site."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from sklearn.base import clone

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.learners import Fitted
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.sklearn_model import SklearnModel
from grandrounds_client.learners.training import prepare
from grandrounds_protocol.errors import BadInput

Fit = Callable[..., Any]
"""`fit(x, y, weight, seed)`, returning a fitted scikit-learn classifier or a `Fitted`:
x float64 [n, d], y int32 [n] counting the classes that occur from 0, weight float64 [n]."""


@dataclass(frozen=True)
class EstimatorLearner:
    """A learner made of a plain callable."""

    algorithm: str
    fitting: Fit
    balanced: bool = False

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`."""
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        model = self.fitting(rows.x.astype(float), rows.y, rows.weight, seed)
        return placed(model if hasattr(model, "to_onnx") else SklearnModel(model), rows)


def as_learner(given: Any) -> EstimatorLearner:
    """Make a learner of an unfitted scikit-learn classifier or of a `Fit`."""
    if isinstance(given, type):
        raise BadInput(
            f"{given.__name__} is a class", where="learner", remedy=f"write {given.__name__}()"
        )
    if hasattr(given, "fit"):
        return EstimatorLearner(type(given).__name__, _fit_clone(given))
    return EstimatorLearner(getattr(given, "__name__", "callable"), given)


def _fit_clone(estimator: Any) -> Fit:
    def fit(x: Any, y: Any, weight: Any, seed: int) -> Any:
        fresh = clone(estimator)
        # parts of a pipeline or ensemble have seeds of their own
        unset = {
            name: seed
            for name, value in fresh.get_params(deep=True).items()
            if name.rpartition("__")[2] == "random_state" and value is None
        }
        fresh.set_params(**unset)
        if "sample_weight" in signature(fresh.fit).parameters:
            return fresh.fit(x, y, sample_weight=weight)
        return fresh.fit(x, y)

    return fit
