"""Gradient boosting on histograms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from pydantic import Field
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.network import network
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.training import prepare
from grandrounds_client.learners.tree_nodes import WrittenTree, ensemble_node
from grandrounds_protocol.seeding import integer
from grandrounds_protocol.settings import Settings


class Boosting(Settings):
    """Shallow trees, each fitted to what those before it leave over.

    All rounds are used: with a hospital's few rows, those that early stopping would set
    aside are missed more. Encoded columns hold no missing values and no codes, so nothing
    is treated as either.
    """

    algorithm: ClassVar[str] = "gradient boosting"

    rounds: int = Field(default=100, ge=1, le=10_000)
    """Trees, per class where there are more than two."""
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    """How much of each tree counts."""
    max_leaves: int = Field(default=8, ge=2, le=4096)
    """Most leaves of a tree."""
    min_leaf: int = Field(default=10, ge=1)
    """Fewest training rows in a leaf, counted without their weights."""
    l2: float = Field(default=1.0, ge=0, le=1e6)
    """Penalty on what a leaf says."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; the seed matters beyond 200,000 rows only."""
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        model = HistGradientBoostingClassifier(
            max_iter=self.rounds,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaves,
            min_samples_leaf=self.min_leaf,
            l2_regularization=self.l2,
            early_stopping=False,
            categorical_features=None,
            random_state=integer(seed, "boosting"),
        )
        # threads add up gradients in an order of their own, and the last digit may follow it;
        # the limit holds for this thread alone and ends here
        with threadpool_limits(1, user_api="openmp"):
            model.fit(rows.x, rows.y, sample_weight=rows.weight)
        return placed(FittedBoosting(model, rows.x.shape[1], len(rows.present)), rows)


@dataclass(frozen=True)
class FittedBoosting:
    """A scikit-learn model of d columns and k classes."""

    model: HistGradientBoostingClassifier
    columns: int
    classes: int

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, k] for float32 [N, d]."""
        return np.asarray(self.model.predict_proba(x), dtype=np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        """Return one TreeEnsembleClassifier with softmax over the sums.

        Two classes get half of the one margin each, with opposite signs. What boosting
        starts from is added in the first round's leaves: onnxruntime does not add two
        base values as the standard says.
        """
        node = ensemble_node(list(self._trees()), post_transform="SOFTMAX")
        return network([node], {}, columns=self.columns, classes=self.classes)

    def _trees(self) -> Iterator[WrittenTree]:
        # private, and the only place where scikit-learn keeps them
        start = self.model._baseline_prediction.ravel()  # noqa: SLF001
        for trees in self.model._predictors:  # noqa: SLF001
            for at, tree in enumerate(trees):
                yield self._written(tree.nodes, start[at], at)
            start = np.zeros_like(start)

    def _written(self, nodes: Any, start: float, at: int) -> WrittenTree:
        sides = np.array([[-0.5, 0.5]]) if self.classes == 2 else np.eye(self.classes)[[at]]
        return WrittenTree(
            left=nodes["left"].astype(np.int64),
            right=nodes["right"].astype(np.int64),
            feature=nodes["feature_idx"].astype(np.int64),
            threshold=nodes["num_threshold"],
            leaf=nodes["is_leaf"].astype(bool),
            scores=((nodes["value"] + start)[:, None] * sides).astype(np.float32),
        )
