"""Any scikit-learn classifier that skl2onnx can write down."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from skl2onnx import to_onnx

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.graph import OPSETS, prune


@dataclass(frozen=True)
class SklearnModel:
    """A fitted classifier of the classes 0..k-1, as `Training.y` counts them."""

    model: Any

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, k] for float32 [N, d]."""
        return np.asarray(self.model.predict_proba(x), dtype=np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        """Return skl2onnx's conversion, cut down to its probabilities."""
        example = np.zeros((1, self.model.n_features_in_), dtype=np.float32)
        options = {"zipmap": False}
        converted = to_onnx(self.model, example, options=options, target_opset=OPSETS)
        return prune(converted, "probabilities")
