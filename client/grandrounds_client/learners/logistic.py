"""Logistic regression."""

from typing import ClassVar

from pydantic import Field
from sklearn.linear_model import LogisticRegression

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.convergence import early_stops_allowed
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.sklearn_model import SklearnModel
from grandrounds_client.learners.training import prepare
from grandrounds_protocol.settings import Settings


class Logistic(Settings):
    """Multinomial logistic regression with an L2 penalty."""

    algorithm: ClassVar[str] = "logistic regression"

    C: float = Field(default=0.3, gt=0, le=1e4)
    """Inverse strength of the penalty: smaller is smoother."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; nothing here is random."""
        del seed
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        with early_stops_allowed():
            model = LogisticRegression(C=self.C, max_iter=1000).fit(
                rows.x.astype(float), rows.y, sample_weight=rows.weight
            )
        return placed(SklearnModel(model), rows)
