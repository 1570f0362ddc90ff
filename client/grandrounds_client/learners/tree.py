"""One decision tree."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from pydantic import Field
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.network import network
from grandrounds_client.learners.training import Training, prepare
from grandrounds_client.learners.tree_nodes import WrittenTree, ensemble_node
from grandrounds_protocol.seeding import integer
from grandrounds_protocol.settings import Settings


class DecisionTree(Settings):
    """A CART tree with Gini impurity; what it says is constant on boxes.

    A leaf of one patient is that patient, hence the large `min_leaf`.
    """

    algorithm: ClassVar[str] = "decision tree"

    min_leaf: int = Field(default=10, ge=1)
    """Fewest training rows in a leaf, counted without their weights."""
    max_depth: int | None = Field(default=None, ge=1, le=64)
    """Longest path from root to leaf; None leaves it to `min_leaf`."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(
        self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int
    ) -> "FittedTree":
        """Fit the rows, see `Learner.fit`; the seed decides between equally good splits."""
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        model = DecisionTreeClassifier(
            min_samples_leaf=self.min_leaf,
            max_depth=self.max_depth,
            random_state=integer(seed, "tree"),
        ).fit(rows.x, rows.y, sample_weight=rows.weight)
        return FittedTree(model, placed_values(model.tree_, rows))


@dataclass(frozen=True)
class FittedTree:
    """A scikit-learn tree and the probabilities of its nodes, float32 [nodes, C]."""

    model: DecisionTreeClassifier
    probabilities: Probabilities

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, d]."""
        found: Probabilities = self.probabilities[self.model.apply(x)]
        return found

    def to_onnx(self) -> onnx.ModelProto:
        """Return one TreeEnsembleClassifier."""
        classes = self.probabilities.shape[1]
        node = ensemble_node([written(self.model.tree_, self.probabilities)])
        return network([node], {}, columns=self.model.n_features_in_, classes=classes)


def written(tree: Any, scores: Rows) -> WrittenTree:
    """Return a scikit-learn tree as it is written down, with `scores`, float32 [nodes, C]."""
    return WrittenTree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        leaf=tree.children_left < 0,
        scores=scores,
    )


def placed_values(tree: Any, training: Training) -> Probabilities:
    """Return the probabilities of a scikit-learn tree's nodes, float32 [nodes, C]."""
    values = tree.value[:, 0, :]
    probabilities = np.zeros((len(values), training.classes), dtype=np.float32)
    probabilities[:, training.present] = values / values.sum(axis=1, keepdims=True)
    return probabilities
