"""One decision tree."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from pydantic import Field
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.network import network
from grandrounds_client.learners.training import prepare
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
        leaves = model.tree_.value[:, 0, :]
        probabilities = np.zeros((len(leaves), classes), dtype=np.float32)
        probabilities[:, rows.present] = leaves / leaves.sum(axis=1, keepdims=True)
        return FittedTree(model, probabilities)


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
        """Return one TreeEnsembleClassifier that names every class in every leaf.

        Written by hand: a converter would leave out classes the tree never saw, and would
        write two classes as one score.
        """
        count, classes = self.probabilities.shape
        leaves = np.flatnonzero(self.model.tree_.children_left < 0)
        node = helper.make_node(
            "TreeEnsembleClassifier",
            ["X"],
            ["label", "probabilities"],
            domain="ai.onnx.ml",
            post_transform="NONE",
            classlabels_int64s=list(range(classes)),
            class_treeids=[0] * (len(leaves) * classes),
            class_nodeids=np.repeat(leaves, classes).tolist(),
            class_ids=list(range(classes)) * len(leaves),
            class_weights=self.probabilities[leaves].ravel().tolist(),
            nodes_treeids=[0] * count,
            nodes_nodeids=list(range(count)),
            **_branches(self.model.tree_),
        )
        return network([node], {}, columns=self.model.n_features_in_, classes=classes)


def _branches(tree: object) -> dict[str, Any]:
    """Return where each node leads; a leaf leads nowhere, and its numbers are 0."""
    left, right, feature, threshold = (
        np.asarray(getattr(tree, name))
        for name in ("children_left", "children_right", "feature", "threshold")
    )
    inner = left >= 0
    return {
        "nodes_modes": np.where(inner, "BRANCH_LEQ", "LEAF").tolist(),
        "nodes_featureids": np.where(inner, feature, 0).tolist(),
        "nodes_values": np.where(inner, _down(threshold), 0).tolist(),
        "nodes_truenodeids": np.where(inner, left, 0).tolist(),
        "nodes_falsenodeids": np.where(inner, right, 0).tolist(),
    }


def _down(threshold: npt.NDArray[np.float64]) -> Floats:
    """Return the largest float32 at or below: no float32 x changes its side of the split."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
