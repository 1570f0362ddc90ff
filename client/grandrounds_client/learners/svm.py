"""A support vector machine whose kernel is approximated by random Fourier features.

A kernel machine carries training rows as its support vectors; this one carries a weight
per random wave instead, and is smooth, so that it has gradients.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from pydantic import Field
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.convergence import early_stops_allowed
from grandrounds_client.learners.network import network
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.training import Training, prepare
from grandrounds_protocol.seeding import generator, integer
from grandrounds_protocol.settings import Settings

FLOOR = np.float32(1e-7)
"""Added to each sigmoid, so that no row's scores sum to 0 in float32."""


class FourierSVM(Settings):
    """A linear SVM over sqrt(2/m) cos(x W + b), calibrated by sigmoids, one against the rest."""

    algorithm: ClassVar[str] = "support vector machine"

    components: int = Field(default=200, ge=1, le=10_000)
    """m, the number of random waves."""
    gamma: float | None = Field(default=None, gt=0, le=1e3)
    """Width of the kernel exp(-gamma |x - x'|^2); None is 1 / number of columns."""
    C: float = Field(default=0.3, gt=0, le=1e4)
    """Inverse strength of the penalty: smaller is smoother."""
    folds: int = Field(default=5, ge=2, le=20)
    """Parts of the rows in turn left out to calibrate; fewer where a class has fewer rows."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; the seed draws the waves."""
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        columns = rows.x.shape[1]
        gamma = self.gamma or 1 / columns
        rng = generator(seed, "svm")
        frequency = rng.normal(scale=np.sqrt(2 * gamma), size=(columns, self.components))
        phase = rng.uniform(0, 2 * np.pi, size=self.components)
        waves = np.sqrt(2 / self.components) * np.cos(rows.x @ frequency + phase)
        mixing, offset = _scores(self._calibrated(waves, rows, integer(seed, "liblinear")))
        seen = FittedFourierSVM(
            frequency.astype(np.float32),
            phase.astype(np.float32),
            (np.sqrt(2 / self.components) * mixing).astype(np.float32),
            offset.astype(np.float32),
        )
        return placed(seen, rows)

    def _calibrated(self, waves: npt.NDArray[np.float64], rows: Training, seed: int) -> Any:
        # The primal solver needs no random numbers, yet without a seed the global generator moves.
        machine = LinearSVC(C=self.C, dual=False, random_state=seed)
        folds = min(self.folds, int(np.bincount(rows.y).min()))
        everything = np.arange(len(rows.y))
        itself = [(everything, everything)]
        # A class of one row cannot be left out and learned at once: calibrate on the fit itself.
        for cv in (folds, itself) if folds >= 2 else (itself,):
            model = CalibratedClassifierCV(machine, method="sigmoid", ensemble=False, cv=cv)
            with early_stops_allowed():
                model.fit(waves, rows.y, sample_weight=rows.weight)
            # Of a few rows the left-out ones may by chance lie the other way round, and sigmoids
            # fitted to them would turn the machine upside down.
            if not _upside_down(model):
                break
        return model


def _upside_down(model: Any) -> bool:
    return any(sigmoid.a_ > 0 for sigmoid in model.calibrated_classifiers_[0].calibrators)


def _scores(model: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fold the sigmoids' slopes into the machines': float64 [m, k] and [k].

    The sigmoid of column c is then the calibrated probability of class c against the
    rest. Two classes have one machine between them, read with both signs.
    """
    calibrated = model.calibrated_classifiers_[0]
    slope = -np.array([sigmoid.a_ for sigmoid in calibrated.calibrators])
    shift = -np.array([sigmoid.b_ for sigmoid in calibrated.calibrators])
    mixing = calibrated.estimator.coef_.T * slope
    offset = calibrated.estimator.intercept_ * slope + shift
    if len(slope) > 1:
        return mixing, offset
    return np.hstack([-mixing, mixing]), np.hstack([-offset, offset])


@dataclass(frozen=True)
class FittedFourierSVM:
    """sigmoid(cos(x frequency + phase) mixing + offset), normalised to sum 1.

    Attributes
    ----------
    frequency : float32 [d, m]
    phase : float32 [m]
    mixing : float32 [m, k]
    offset : float32 [k]
    """

    frequency: Rows
    phase: Floats
    mixing: Rows
    offset: Floats

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, k] for float32 [N, d]."""
        waves = np.cos(x @ self.frequency + self.phase)
        share = expit(waves @ self.mixing + self.offset) + FLOOR
        return np.asarray(share / share.sum(axis=1, keepdims=True), dtype=np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        """Return the formula in ordinary operators; no converter knows it."""
        nodes = [
            helper.make_node("MatMul", ["X", "frequency"], ["turned"]),
            helper.make_node("Add", ["turned", "phase"], ["shifted"]),
            helper.make_node("Cos", ["shifted"], ["waves"]),
            helper.make_node("Gemm", ["waves", "mixing", "offset"], ["score"]),
            helper.make_node("Sigmoid", ["score"], ["sigmoid"]),
            helper.make_node("Add", ["sigmoid", "floor"], ["share"]),
            helper.make_node("ReduceSum", ["share", "axis"], ["sum"], keepdims=1),
            helper.make_node("Div", ["share", "sum"], ["probabilities"]),
        ]
        constants = {
            "frequency": self.frequency,
            "phase": self.phase,
            "mixing": self.mixing,
            "offset": self.offset,
            "floor": np.array([FLOOR]),
            "axis": np.array([1]),
        }
        columns, classes = len(self.frequency), len(self.offset)
        return network(nodes, constants, columns=columns, classes=classes)
