"""Trees that are none."""

import numpy as np
import onnx

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
        "third-class": (tree(classlabels_int64s=[0, 1, 2]), "model.graph.output"),
    }


def _detached_cycle() -> onnx.ModelProto:
    return tree(
        nodes_modes=["LEAF", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_truenodeids=[0, 2, 1, 0, 0],
        nodes_falsenodeids=[0, 3, 4, 0, 0],
        class_nodeids=[0, 0, 3, 3, 4, 4],
    )


def _root_last() -> onnx.ModelProto:
    return tree(
        nodes_modes=["LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "BRANCH_LEQ"],
        nodes_truenodeids=[0, 0, 0, 0, 1],
        nodes_falsenodeids=[0, 0, 3, 0, 2],
        class_nodeids=[0, 0, 1, 1, 3, 3],
    )
