"""A model made elsewhere as a learner: it teaches, and never learns."""

from dataclasses import dataclass

import onnx

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.vetting.session import Predict, open_session, predictor

ALGORITHM = "model made elsewhere"
_CHUNK = 64
"""Rows at a time: what lies between a large network's layers fits into memory."""


@dataclass(frozen=True)
class BroughtModel:
    """A learner that was fitted before it came: `fit` returns the model of the file.

    Attributes
    ----------
    graph : ModelProto
        Vetted: `X`, float32 [N, d] -> `probabilities`, float32 [N, C].
    algorithm : str
        What the public card says of it.
    """

    graph: onnx.ModelProto
    algorithm: str = ALGORITHM

    def fit(
        self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int
    ) -> "FittedFile":
        """Return the model as it is; the rows are not looked at."""
        del y, weight, seed
        run = open_session(self.graph.SerializeToString())
        ask = predictor(run, width=x.shape[1], classes=classes, chunk=_CHUNK)
        return FittedFile(self.graph, ask)


@dataclass(frozen=True)
class FittedFile:
    """The model of a file, on the site's own columns."""

    graph: onnx.ModelProto
    ask: Predict

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, d]."""
        return self.ask(x)

    def to_onnx(self) -> onnx.ModelProto:
        """Return the graph."""
        return self.graph
