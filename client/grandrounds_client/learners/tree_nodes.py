"""Trees written down as one TreeEnsembleClassifier."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from grandrounds_client.arrays import Columns, Floats, Rows

_INNER = ("feature", "left", "right")


@dataclass(frozen=True)
class WrittenTree:
    """One tree, its nodes in any order that begins with the root.

    Attributes
    ----------
    left, right : int [n]
        Children where `x <= threshold` holds, and where it does not. Of leaves, any number.
    feature : int [n]
    threshold : float64 [n]
    leaf : bool [n]
    scores : float32 [n, C]
        What a leaf adds to each class; read at leaves only.
    """

    left: Columns
    right: Columns
    feature: Columns
    threshold: npt.NDArray[np.float64]
    leaf: npt.NDArray[np.bool_]
    scores: Rows


def ensemble_node(trees: Sequence[WrittenTree], *, post_transform: str = "NONE") -> onnx.NodeProto:
    """Return the node `X` -> `label`, `probabilities` whose scores are the trees' sums.

    Written by hand: a converter would leave out classes that no tree saw, and would write
    two classes as one score. Scores of 0 are left out, which halves a forest of many
    classes, but not where there are two: onnxruntime takes a single score for a margin.
    """
    sizes = [len(tree.leaf) for tree in trees]
    leaf = np.concatenate([tree.leaf for tree in trees])
    scores = np.concatenate([tree.scores for tree in trees])
    number = np.repeat(np.arange(len(trees)), sizes)
    inside = np.concatenate([np.arange(size) for size in sizes])
    classes = scores.shape[1]
    threshold = np.concatenate([tree.threshold for tree in trees])
    feature, left, right = (
        np.where(leaf, 0, np.concatenate([getattr(tree, name) for tree in trees])).tolist()
        for name in _INNER
    )
    row, column = _written(scores, leaf)
    return helper.make_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        post_transform=post_transform,
        classlabels_int64s=list(range(classes)),
        class_treeids=number[row].tolist(),
        class_nodeids=inside[row].tolist(),
        class_ids=column.tolist(),
        class_weights=scores[row, column].tolist(),
        nodes_treeids=number.tolist(),
        nodes_nodeids=inside.tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_featureids=feature,
        nodes_values=np.where(leaf, 0, down(threshold)).tolist(),
        nodes_truenodeids=left,
        nodes_falsenodeids=right,
    )


def _written(scores: Rows, leaf: npt.NDArray[np.bool_]) -> tuple[Columns, Columns]:
    """Return node and class of each score that is written; every leaf has one at least."""
    wanted = leaf[:, None] & ((scores != 0) | (scores.shape[1] == 2))
    wanted[:, 0] |= leaf & ~wanted.any(axis=1)
    row, column = np.nonzero(wanted)
    return row, column


def down(threshold: npt.NDArray[np.float64]) -> Floats:
    """Return the largest float32 at or below: no float32 x changes its side of the split."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
