"""What a learner is: settings that fit rows, and a fitted model that can be exported."""

from typing import Protocol

import onnx

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows


class Fitted(Protocol):
    """A model of a site's own d columns.

    Its export reads one input `X`, float32 [N, d], writes one output `probabilities`,
    float32 [N, C], and uses operators of the default and `ai.onnx.ml` domains only.
    """

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, d]; classes never seen get 0."""
        ...

    def to_onnx(self) -> onnx.ModelProto:
        """Return the same function as an ONNX model.

        Equal to 1e-5 inside [0, 1]^d for some hundred columns; float32 sums of more
        terms lose a digit.
        """
        ...


class Learner(Protocol):
    """Hyperparameters that know how to fit: immutable, so one may fit many times.

    A learner of a site's own is a frozen pydantic model (a subclass of
    `grandrounds_protocol.settings.Settings`) with this interface, named in the
    entry-point group `grandrounds.learners` of the package that holds it.
    """

    @property
    def algorithm(self) -> str:
        """What the public card says of it, such as `decision tree`."""
        ...

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows; the same rows and seed give the same model.

        Parameters
        ----------
        x : float32 [N, d]
        y : int32 [N]
            Class indices below `classes`, of which some may not occur.
        classes : int
            C, the number of classes in the federation.
        weight : float32 [N] or None
            How much each row counts, 1 if None. A weight of 0 leaves the row out.
        seed : int
            All randomness comes from it; the global generators are left alone.

        Raises
        ------
        BadInput
            If the rows cannot be learned from, for example as all are of one class.
        """
        ...
