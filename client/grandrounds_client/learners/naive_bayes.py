"""Gaussian naive Bayes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx
from onnx import helper
from pydantic import Field
from scipy.special import softmax
from sklearn.naive_bayes import GaussianNB

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.network import network
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.training import prepare
from grandrounds_protocol.settings import Settings


class NaiveBayes(Settings):
    """One normal distribution per class and column."""

    algorithm: ClassVar[str] = "naive Bayes"

    var_smoothing: float = Field(default=0.1, ge=1e-3, le=10)
    """Added to every variance, in units of the box [0, 1]. A category that no row of a
    class has would otherwise decide alone, and float32 could not follow."""
    balanced: bool = True
    """Give every class the same prior."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; nothing here is random."""
        del seed
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        # scikit-learn scales its smoothing by the data's largest variance, which may be 0.
        model = GaussianNB(var_smoothing=0).fit(rows.x.astype(np.float64), rows.y, rows.weight)
        variance = model.var_ + self.var_smoothing
        offset = np.log(model.class_prior_) - 0.5 * np.log(variance).sum(axis=1)
        seen = FittedNaiveBayes(
            model.theta_.astype(np.float32),
            (0.5 / variance).astype(np.float32),
            # Softmax sees differences only, and small numbers keep more digits in float32.
            (offset - offset.max()).astype(np.float32),
        )
        return placed(seen, rows)


@dataclass(frozen=True)
class FittedNaiveBayes:
    """softmax(offset - sum of sharpness (x - mean)^2).

    Attributes
    ----------
    mean, sharpness : float32 [k, d]
    offset : float32 [k]
    """

    mean: Rows
    sharpness: Rows
    offset: Floats

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, k] for float32 [N, d]."""
        misfit = [
            ((x - mean) ** 2 * sharpness).sum(axis=1)
            for mean, sharpness in zip(self.mean, self.sharpness, strict=True)
        ]
        return np.asarray(softmax(self.offset - np.stack(misfit, axis=1), axis=1), np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        """Return the formula as it stands; expanding the square would cancel digits."""
        classes, columns = self.mean.shape
        nodes = [
            helper.make_node("Reshape", ["X", "shape"], ["rows"]),
            helper.make_node("Sub", ["rows", "mean"], ["apart"]),
            helper.make_node("Mul", ["apart", "apart"], ["square"]),
            helper.make_node("Mul", ["square", "sharpness"], ["weighted"]),
            helper.make_node("ReduceSum", ["weighted", "axis"], ["misfit"], keepdims=0),
            helper.make_node("Sub", ["offset", "misfit"], ["score"]),
            helper.make_node("Softmax", ["score"], ["probabilities"], axis=1),
        ]
        constants = {
            "shape": np.array([-1, 1, columns]),
            "mean": self.mean[None],
            "sharpness": self.sharpness[None],
            "axis": np.array([2]),
            "offset": self.offset[None],
        }
        return network(nodes, constants, columns=columns, classes=classes)
