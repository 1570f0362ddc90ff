"""Many decision trees that vote."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.network import network
from grandrounds_client.learners.training import prepare
from grandrounds_client.learners.tree import placed_values, written
from grandrounds_client.learners.tree_nodes import ensemble_node
from grandrounds_protocol.seeding import integer
from grandrounds_protocol.settings import Settings


class RandomForest(Settings):
    """CART trees, each on rows drawn with replacement; the mean of their probabilities.

    Each split looks at the square root of the columns, drawn anew.
    """

    algorithm: ClassVar[str] = "random forest"

    trees: int = Field(default=100, ge=1, le=1000)
    """How many trees; peers refuse a forest of more than 200,000 nodes."""
    min_leaf: int = Field(default=5, ge=1)
    """Fewest distinct training rows in a leaf, counted without their weights."""
    max_depth: int | None = Field(default=None, ge=1, le=64)
    """Longest path from root to leaf; None leaves it to `min_leaf`."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; the seed draws rows and columns of each tree."""
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        model = RandomForestClassifier(
            self.trees,
            min_samples_leaf=self.min_leaf,
            max_depth=self.max_depth,
            random_state=integer(seed, "forest"),
        ).fit(rows.x, rows.y, sample_weight=rows.weight)
        share = np.float32(1 / self.trees)
        votes = [share * placed_values(one.tree_, rows) for one in model.estimators_]
        return FittedForest(model, tuple(votes))


@dataclass(frozen=True)
class FittedForest:
    """A scikit-learn forest and what each tree's nodes add, float32 [nodes, C] per tree."""

    model: RandomForestClassifier
    votes: tuple[Probabilities, ...]

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, d]."""
        found = np.zeros((len(x), self.votes[0].shape[1]))
        for votes, leaf in zip(self.votes, self.model.apply(x).T, strict=True):
            found += votes[leaf]
        return found.astype(np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        """Return one TreeEnsembleClassifier."""
        node = ensemble_node(
            [
                written(one.tree_, votes)
                for one, votes in zip(self.model.estimators_, self.votes, strict=True)
            ]
        )
        columns, classes = self.model.n_features_in_, self.votes[0].shape[1]
        return network([node], {}, columns=columns, classes=classes)
