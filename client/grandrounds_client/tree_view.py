"""A graph that is one decision tree, as boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto

from grandrounds_client.arrays import Rows
from grandrounds_client.teacher import Leaves
from grandrounds_client.vetting.attributes import Attributes, read_attributes
from grandrounds_client.vetting.constants import stored_arrays
from grandrounds_client.vetting.limits import Limits
from grandrounds_client.vetting.session import Predict
from grandrounds_client.vetting.trees import Forest, read_forest

_LARGEST = 2**24
"""Numbers in the corners of all boxes together; a larger tree is asked, not unfolded."""
_VETTED = Limits(tree_nodes=2**31, tree_depth=2**31)
"""The trees have been through the checks already, under the caller's limits."""

Ints = npt.NDArray[np.int64]
Box = tuple[Rows, Rows]


def leaves(model: ModelProto, predict: Predict, width: int) -> Leaves | None:
    """Return the leaves of a single decision tree, or None if the graph is anything else.

    The input must reach the output only through one TreeEnsembleClassifier of one tree,
    behind nothing but selections of columns. What follows the tree may be anything that
    takes rows one by one: each leaf's probabilities are those that the graph itself
    answers on a point of its box.

    Parameters
    ----------
    model : onnx.ModelProto
        Vetted and pruned.
    predict : callable, float32 [N, D] -> float32 [N, C]
    width : int
        D.

    Raises
    ------
    BadModel
        If the graph does not answer probabilities in one of its leaves.
    """
    found = tree_node(model, width)
    if found is None:
        return None
    forest, columns = found.forest(), found.columns
    if len(forest.roots) != 1 or forest.true.size // 2 * width > _LARGEST:
        return None
    boxes = list(_boxes(forest, columns, width))
    lower = np.stack([low for low, _ in boxes])
    upper = np.stack([high for _, high in boxes])
    return Leaves(lower, upper, predict(lower))


@dataclass(frozen=True)
class TreeNode:
    """The one TreeEnsembleClassifier of a graph.

    Attributes
    ----------
    attributes : Attributes
    scores : str
        Its output [N, C].
    columns : int64 [d]
        The column of X behind each column of its input.
    """

    attributes: Attributes
    scores: str
    columns: Ints

    @property
    def classes(self) -> int:
        """How many class labels it has."""
        labels = self.attributes.integers("classlabels_int64s")
        return len(labels) + len(self.attributes.texts("classlabels_strings"))

    def forest(self) -> Forest:
        """Return its trees."""
        return read_forest(
            self.attributes, "tree", width=len(self.columns), classes=self.classes, limits=_VETTED
        )


def tree_node(model: ModelProto, width: int) -> TreeNode | None:
    """Find the node where the input reaches the output through nothing else.

    None where there is another way, or anything but selections of columns before it.
    """
    graph = model.graph
    stored = stored_arrays(graph)
    selected = {graph.input[0].name: np.arange(width, dtype=np.int64)}
    found = None
    for node in graph.node:
        reads = [name for name in node.input if name in selected]
        if not reads:
            continue
        columns = selected[reads[0]]
        if node.op_type == "TreeEnsembleClassifier" and found is None:
            found = TreeNode(read_attributes(node, "tree"), node.output[1], columns)
        elif (chosen := _selection(node)) is not None and chosen in stored:
            selected[node.output[0]] = columns[stored[chosen].reshape(-1)]
        elif node.op_type == "Identity":
            selected[node.output[0]] = columns
        else:
            return None
    return found


def _selection(node: NodeProto) -> str | None:
    """Name the indices if the node selects columns of its first input."""
    gather = node.op_type == "Gather" and any(
        attribute.name == "axis" and attribute.i in {1, -1} for attribute in node.attribute
    )
    return node.input[1] if gather or node.op_type == "ArrayFeatureExtractor" else None


def _boxes(forest: Forest, columns: Ints, width: int) -> Iterator[Box]:
    """Walk down the tree, cutting the box at each split and dropping empty ones."""
    whole = np.zeros(width, dtype=np.float32), np.ones(width, dtype=np.float32)
    stack = [(int(forest.roots[0]), whole)]
    while stack:
        node, (lower, upper) = stack.pop()
        if forest.true[node] < 0:
            yield lower, upper
            continue
        column = columns[forest.feature[node]]
        for child, (low, high) in zip(
            (forest.true[node], forest.false[node]),
            _sides(forest.mode[node], forest.threshold[node]),
            strict=True,
        ):
            corner, far = lower.copy(), upper.copy()
            corner[column] = max(corner[column], low)
            far[column] = min(far[column], high)
            if corner[column] <= far[column]:
                stack.append((int(child), (corner, far)))


def _sides(mode: bytes, threshold: np.float32) -> tuple[tuple[np.float32, np.float32], ...]:
    """Return the closed float32 intervals in which a split is true, and false."""
    infinity = np.float32(np.inf)
    with np.errstate(all="ignore"):  # next to 0 is subnormal, next to the largest is infinite
        after, before = np.nextafter(threshold, infinity), np.nextafter(threshold, -infinity)
    if mode in {b"BRANCH_LEQ", b"BRANCH_GT"}:
        below, above = (-infinity, threshold), (after, infinity)
    else:
        below, above = (-infinity, before), (threshold, infinity)
    return (below, above) if mode in {b"BRANCH_LEQ", b"BRANCH_LT"} else (above, below)
