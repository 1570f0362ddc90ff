"""Trees that are none."""

import numpy as np
import onnx
from onnx import numpy_helper

from tests.vectors.attacks.family import Family
from tests.vectors.sound import tree


def trees() -> Family:
    chain = [1, 0, 2, 0, 0]
    return {
        "child-out-of-range": (tree(nodes_truenodeids=[1, 0, 99, 0, 0]), "nodes_truenodeids"),
        "child-negative": (tree(nodes_falsenodeids=[2, 0, -4, 0, 0]), "nodes_falsenodeids"),
        "child-beyond-64-bit": (tree(nodes_truenodeids=[1, 0, 2**62, 0, 0]), "nodes_truenodeids"),
        "child-of-another-tree": (tree(nodes_treeids=[0, 0, 0, 0, 1]), "nodes_falsenodeids"),
        "tree-cycle": (tree(nodes_truenodeids=[1, 0, 0, 0, 0]), "nodes_treeids"),
        "tree-self-loop": (tree(nodes_truenodeids=chain), "reached twice"),
        "tree-detached-cycle": (_detached_cycle(), "cycle"),
        "tree-shared-node": (tree(nodes_falsenodeids=[2, 0, 3, 0, 0]), "reached twice"),
        "tree-root-not-first": (_root_last(), "nodes_treeids"),
        "feature-too-large": (tree(nodes_featureids=[0, 0, 4, 0, 0]), "nodes_featureids"),
        "feature-negative": (tree(nodes_featureids=[-1, 0, 3, 0, 0]), "nodes_featureids"),
        "feature-of-a-leaf": (tree(nodes_featureids=[0, 10**9, 3, 0, 0]), "nodes_featureids"),
        "node-twice": (tree(nodes_nodeids=[0, 1, 2, 3, 3]), "nodes_nodeids"),
        "node-id-negative": (tree(nodes_nodeids=[0, 1, 2, 3, -4]), "nodes_nodeids"),
        "class-too-large": (tree(class_ids=[0, 1, 0, 1, 0, 2]), "class_ids"),
        "class-negative": (tree(class_ids=[0, 1, 0, 1, 0, -1]), "class_ids"),
        "weight-of-no-leaf": (tree(class_nodeids=[1, 1, 3, 3, 2, 2]), "class_nodeids"),
        "weight-of-no-node": (tree(class_nodeids=[1, 1, 3, 3, 4, 77]), "class_nodeids"),
        "leaf-without-weight": (tree(class_nodeids=[1, 1, 3, 3, 3, 3]), "leaf without weights"),
        "weights-cut": (tree(class_weights=[0.5]), "class_weights"),
        "nodes-cut": (tree(nodes_values=[0.5]), "nodes_values"),
        "nodes-empty": (tree(nodes_modes=None), "nodes_modes"),
        "mode-equal": (tree(nodes_modes=["BRANCH_EQ", *["LEAF"] * 4]), "nodes_modes"),
        "threshold-nan": (tree(nodes_values=[np.nan, 0.0, 0.0, 0.0, 0.0]), "nodes_values"),
        "tree-weight-inf": (tree(class_weights=[np.inf] * 6), "class_weights"),
        "labels-twice": (tree(classlabels_strings=["a", "b"]), "labels"),
        "labels-for-one": (tree(classlabels_int64s=[0]), "labels"),
        "base-value-for-two": (tree(base_values=[0.5]), "base_values"),
        "base-values-long": (tree(base_values=[0.0] * 9), "base_values"),
        "post-transform": (tree(post_transform="PROBIT"), "post_transform"),
        "threshold-inf": (tree(nodes_values=[np.inf, 0.0, 0.0, 0.0, 0.0]), "nodes_values"),
        "threshold-1e308": (_double_thresholds(), "nodes_values_as_tensor"),
        "tree-weight-nan": (tree(class_weights=[np.nan] * 6), "class_weights"),
        "feature-beyond-64-bit": (
            tree(nodes_featureids=[2**63 - 1, 0, 3, 0, 0]),
            "nodes_featureids",
        ),
        "tree-cycle-of-many": (_long_cycle(1000), "cycle"),
        "tree-node-unreached": (_unreached(), "nodes_treeids"),
        "tree-ids-scattered": (tree(nodes_treeids=[0, 1, 0, 0, 0]), "nodes_truenodeids"),
        "tree-ids-interleaved": (_interleaved(), "nodes_treeids"),
        "tree-id-beyond-31-bit": (tree(nodes_treeids=[2**31] * 5), "nodes_treeids"),
        "weight-of-another-tree": (tree(class_treeids=[1] * 6), "class_nodeids"),
        "features-cut": (tree(nodes_featureids=[0, 0, 3, 0]), "nodes_featureids"),
        "children-cut": (tree(nodes_truenodeids=[1, 0, 3]), "nodes_truenodeids"),
        "children-absent": (tree(nodes_falsenodeids=None), "nodes_falsenodeids"),
        "node-ids-long": (tree(nodes_nodeids=[0, 1, 2, 3, 4, 5]), "nodes_nodeids"),
        "missing-cut": (tree(nodes_missing_value_tracks_true=[1]), "missing_value_tracks_true"),
        "hit-rates-cut": (tree(nodes_hitrates=[1.0]), "nodes_hitrates"),
        "weight-trees-cut": (tree(class_treeids=[0]), "class_treeids"),
        "weight-nodes-long": (tree(class_nodeids=[1, 1, 3, 3, 4, 4, 4]), "class_nodeids"),
        "mode-of-sets": (tree(nodes_modes=["BRANCH_MEMBER", *["LEAF"] * 4]), "nodes_modes"),
        "mode-unknown": (tree(nodes_modes=["\x00", *["LEAF"] * 4]), "nodes_modes"),
        "post-transform-unknown": (tree(post_transform="a" * 500), "post_transform"),
        "no-labels": (tree(classlabels_int64s=None), "labels"),
        "third-class": (tree(classlabels_int64s=[0, 1, 2]), "model.graph.output"),
    }


def _detached_cycle() -> onnx.ModelProto:
    return tree(
        nodes_modes=["LEAF", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_truenodeids=[0, 2, 1, 0, 0],
        nodes_falsenodeids=[0, 3, 4, 0, 0],
        class_nodeids=[0, 0, 3, 3, 4, 4],
    )


def _double_thresholds() -> onnx.ModelProto:
    values = numpy_helper.from_array(np.array([1e308, 0.0, 0.0, 0.0, 0.0]), "v")
    return tree(nodes_values=None, nodes_values_as_tensor=values)


def _long_cycle(length: int) -> onnx.ModelProto:
    """Return a leaf, and beside it a ring of splits that nothing leads into."""
    ring, leaves = np.arange(1, length + 1), np.arange(length + 1, 2 * length + 1)
    nothing = [0] * length
    return tree(
        nodes_treeids=[0] * (2 * length + 1),
        nodes_nodeids=list(range(2 * length + 1)),
        nodes_featureids=[0] * (2 * length + 1),
        nodes_modes=["LEAF", *["BRANCH_LEQ"] * length, *["LEAF"] * length],
        nodes_values=[0.5] * (2 * length + 1),
        nodes_truenodeids=[0, *np.roll(ring, -1).tolist(), *nothing],
        nodes_falsenodeids=[0, *leaves.tolist(), *nothing],
        class_treeids=[0] * (length + 1),
        class_nodeids=[0, *leaves.tolist()],
        class_ids=[0] * (length + 1),
        class_weights=[1.0] * (length + 1),
    )


def _unreached() -> onnx.ModelProto:
    """Return a tree and, under the same id, a leaf that is nobody's child."""
    return tree(
        nodes_modes=["BRANCH_LEQ", *["LEAF"] * 4],
        class_nodeids=[1, 2, 3, 3, 4, 4],
    )


def _interleaved() -> onnx.ModelProto:
    """Return two trees of one leaf each, the first of which goes on behind the second."""
    return tree(
        nodes_treeids=[0, 1, 0, 0, 1],
        nodes_modes=["LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_falsenodeids=[0, 0, 0, 0, 0],
        class_treeids=[0, 0, 1, 1, 1, 1],
        class_nodeids=[0, 3, 1, 1, 4, 4],
    )


def _root_last() -> onnx.ModelProto:
    return tree(
        nodes_modes=["LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "BRANCH_LEQ"],
        nodes_truenodeids=[0, 0, 0, 0, 1],
        nodes_falsenodeids=[0, 0, 3, 0, 2],
        class_nodeids=[0, 0, 1, 1, 3, 3],
    )
