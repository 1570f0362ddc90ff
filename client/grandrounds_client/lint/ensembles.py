"""Trees out of a node of a graph, with what their leaves add, and back into it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper

from grandrounds_client.arrays import Rows
from grandrounds_client.vetting.attributes import Attributes
from grandrounds_client.vetting.limits import Limits
from grandrounds_client.vetting.trees import LEAF, Forest, read_forest

Ints = npt.NDArray[np.int64]

PREFIX = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target"}
"""How each operator names what its leaves add."""
_UNBOUNDED = Limits(tree_nodes=2**31, tree_depth=2**31)
"""The site's own model: its peers' limits are checked elsewhere."""
_KEY = 2**31


@dataclass(frozen=True)
class Ensemble:
    """The trees of one node.

    Attributes
    ----------
    forest : Forest
    leaf, output : int64 [m]
        Which node adds to which class or target.
    weight : float64 [m]
        What it adds.
    """

    forest: Forest
    leaf: Ints
    output: Ints
    weight: npt.NDArray[np.float64]


def read_ensemble(node: NodeProto, where: str, width: int) -> Ensemble:
    """Read a TreeEnsembleClassifier or TreeEnsembleRegressor of `width` columns.

    Raises
    ------
    BadModel
        If what stands there are no trees.
    """
    prefix = PREFIX[node.op_type]
    attributes = Attributes(
        {
            attribute.name.replace(f"{prefix}_", "class_", 1): helper.get_attribute_value(attribute)
            for attribute in node.attribute
        }
    )
    output = attributes.integers("class_ids")
    classes = int(output.max(initial=0)) + 1
    forest = read_forest(attributes, where, width=width, classes=classes, limits=_UNBOUNDED)
    nodes = attributes.integers("nodes_treeids") * _KEY + attributes.integers("nodes_nodeids")
    leaves = attributes.integers("class_treeids") * _KEY + attributes.integers("class_nodeids")
    order = np.argsort(nodes)
    leaf = order[np.searchsorted(nodes[order], leaves)]
    return Ensemble(forest, leaf, output, attributes.numbers("class_weights").astype(np.float64))


def write_ensemble(node: NodeProto, ensemble: Ensemble, gone: npt.NDArray[np.bool_]) -> None:
    """Write what leaves add and drop the nodes that are `gone`, bool [n], in place.

    A node whose children are gone becomes a leaf; `ensemble` says what it adds.
    """
    prefix = PREFIX[node.op_type]
    forest, kept = ensemble.forest, ~gone
    lists = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    tree = np.array(lists["nodes_treeids"])
    # counted anew: onnxruntime takes no id beyond the number of nodes
    ids = np.cumsum(kept) - 1
    ids -= np.repeat(ids[forest.roots], np.diff(forest.roots, append=len(ids)))
    inner = kept & (forest.true >= 0) & kept[forest.true]
    order = np.lexsort((ensemble.output, ensemble.leaf))
    leaf = ensemble.leaf[order]
    changed: dict[str, npt.NDArray[Any]] = {
        f"{prefix}_treeids": tree[leaf],
        f"{prefix}_nodeids": ids[leaf],
        f"{prefix}_ids": ensemble.output[order],
        f"{prefix}_weights": ensemble.weight[order],
        "nodes_nodeids": ids[kept],
        "nodes_truenodeids": np.where(inner, ids[forest.true], 0)[kept],
        "nodes_falsenodeids": np.where(inner, ids[forest.false], 0)[kept],
        "nodes_featureids": np.where(inner, forest.feature, 0)[kept],
        "nodes_values": np.where(inner, forest.threshold, 0)[kept],
        "nodes_modes": np.where(inner, forest.mode, LEAF)[kept],
    }
    others = [name for name in lists if name.startswith("nodes_") and name not in changed]
    changed |= {name: np.array(lists[name])[kept] for name in others}
    for attribute in node.attribute:
        if attribute.name in changed:
            numbers = changed[attribute.name].tolist()
            attribute.CopyFrom(helper.make_attribute(attribute.name, numbers))


def leaves_reached(forest: Forest, x: Rows) -> Iterator[Ints]:
    """Yield for each tree the leaf that each row of x, float32 [N, d], ends in, int64 [N]."""
    inclusive = np.isin(forest.mode, (b"BRANCH_LEQ", b"BRANCH_GT"))
    upward = np.isin(forest.mode, (b"BRANCH_GTE", b"BRANCH_GT"))
    for root in forest.roots.tolist():
        at = np.full(len(x), root)
        moving = np.arange(len(x) if forest.true[root] >= 0 else 0)
        while len(moving):
            node = at[moving]
            value, bound = x[moving, forest.feature[node]], forest.threshold[node]
            holds = np.where(inclusive[node], value <= bound, value < bound) ^ upward[node]
            at[moving] = child = np.where(holds, forest.true[node], forest.false[node])
            moving = moving[forest.true[child] >= 0]
        yield at


def sums_below(
    forest: Forest, levels: list[Ints], x: Rows, weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the weight of the rows that pass through each node, float64 [n].

    Parameters
    ----------
    x : float32 [N, d]
    weight : float64 [N]
    """
    sums = np.zeros(len(forest.true))
    after = np.append(forest.roots[1:], len(sums))
    bounds = zip(forest.roots.tolist(), after.tolist(), strict=True)
    for (root, end), leaf in zip(bounds, leaves_reached(forest, x), strict=True):
        sums[root:end] = np.bincount(leaf - root, weight, minlength=end - root)
    for level in reversed(levels):
        inner = level[forest.true[level] >= 0]
        sums[inner] = sums[forest.true[inner]] + sums[forest.false[inner]]
    return sums


def levels_of(forest: Forest) -> list[Ints]:
    """Return the nodes of each depth, roots first."""
    levels, level = [], forest.roots
    while len(level):
        levels.append(level)
        below = np.concatenate([forest.true[level], forest.false[level]])
        level = below[below >= 0]
    return levels
