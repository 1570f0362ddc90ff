"""A graph that adds up decision trees, as the boxes of all their leaves."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper

from grandrounds_client.arrays import Floats, Mask, Probabilities, Rows
from grandrounds_client.graph import assemble, prune
from grandrounds_client.teacher import TreeEnsemble
from grandrounds_client.tree_view import TreeNode, tree_node
from grandrounds_client.vetting.attributes import Attributes
from grandrounds_client.vetting.session import Predict, open_session, predictor
from grandrounds_client.vetting.trees import Forest

_PATHS = 2**21
"""Splits on the paths of all leaves together. Beyond this bound or one of the next three an
ensemble is asked, not unfolded."""
_TABLE = 2**23
"""Leaves times columns that split."""
_LEAVES = 2**13
"""Leaves of one tree."""
_VOTES = 1e9
"""All votes together, where any sum of them is still a number in float32."""
_SLACK = 1e-6
"""By how much a score may differ from what the others leave over."""
_PROBES = 64
_AGREEMENT = 1e-4

Ints = npt.NDArray[np.int64]
Link = Callable[[Rows], Probabilities]


def ensemble(
    model: ModelProto, predict: Predict, *, width: int, classes: int, chunk: int
) -> TreeEnsemble | None:
    """Return the leaves of all trees, or None if the graph is anything else or too large.

    The input must reach the output only through one TreeEnsembleClassifier, behind
    nothing but selections of columns. What follows it may be anything that takes rows one
    by one. The view is returned only if it answers as the graph does on a few rows.

    Parameters
    ----------
    model : onnx.ModelProto
        Vetted and pruned.
    predict : callable, float32 [N, D] -> float32 [N, C]
    width, classes : int
        D and C.
    chunk : int
        Rows that may pass through the graph at a time.

    Raises
    ------
    BadModel
        If the graph does not answer probabilities on these rows.
    """
    found = tree_node(model, width)
    if found is None:
        return None
    forest = found.forest()
    splits = _splits(forest) if _small(found.attributes, forest) else None
    link = _link(model, found, classes, chunk)
    if link is None or splits is None:
        return None
    view = _fewer(_unfolded(found, forest, splits, link))
    rows: Rows = np.random.default_rng(0).random((_PROBES, width), dtype=np.float32)
    agrees = np.allclose(answers(view, rows), predict(rows), rtol=0, atol=_AGREEMENT)
    return view if agrees else None


def answers(view: TreeEnsemble, rows: Rows) -> Probabilities:
    """Return what the view makes of a few rows [N, D], float32 [N, C]: one after another."""
    inside = np.ones((len(rows), len(view.tree)), dtype=np.bool_)
    for leaves, row in zip(inside, rows, strict=True):
        part = row[view.column]
        leaves[view.leaf[(part < view.lower) | (part > view.upper)]] = False
    return view.link(inside.astype(np.float32) @ view.votes)


def _small(attributes: Attributes, forest: Forest) -> bool:
    """Whether the boxes may be unfolded: what a peer sends may be large, or add up to nothing."""
    leaf = forest.true < 0
    largest = np.add.reduceat(leaf, forest.roots, dtype=np.int64).max()
    columns = len(np.unique(forest.feature[~leaf]))
    votes = np.abs(attributes.numbers("class_weights").astype(np.float64)).sum()
    return bool(leaf.sum() * columns <= _TABLE and largest <= _LEAVES and votes <= _VOTES)


@dataclass(frozen=True)
class _Splits:
    """Every split above every leaf: the leaf's node, the split's node, and the side taken."""

    leaf: Ints
    node: Ints
    holds: Mask


def _splits(forest: Forest) -> _Splits | None:
    """Climb from all leaves to their roots together, a level at a time."""
    parent, holds = np.full(len(forest.mode), -1), np.zeros(len(forest.mode), dtype=np.bool_)
    inner = np.flatnonzero(forest.true >= 0)
    parent[forest.true[inner]] = parent[forest.false[inner]] = inner
    holds[forest.true[inner]] = True
    leaf = node = np.flatnonzero(forest.true < 0)
    found: list[_Splits] = []
    size = 0
    while len(leaf):
        below = parent[node] >= 0
        leaf, node = leaf[below], node[below]
        size += len(leaf)
        if size > _PATHS:
            return None
        found.append(_Splits(leaf, parent[node], holds[node]))
        node = parent[node]
    return _Splits(
        np.concatenate([part.leaf for part in found]),
        np.concatenate([part.node for part in found]),
        np.concatenate([part.holds for part in found]),
    )


def _unfolded(found: TreeNode, forest: Forest, splits: _Splits, link: Link) -> TreeEnsemble:
    """Meet the splits of each leaf and column in one interval; drop leaves that hold no row."""
    column = found.columns[forest.feature[splits.node]]
    low, high = _intervals(forest, splits)
    order = np.lexsort((column, splits.leaf))
    leaf, column = splits.leaf[order], column[order]
    first = np.flatnonzero((np.diff(leaf, prepend=-1) != 0) | (np.diff(column, prepend=-1) != 0))
    leaf, column, lower, upper = leaf[first], column[first], low[:0], high[:0]
    if len(first):
        lower = np.maximum(np.maximum.reduceat(low[order], first), np.float32(0))
        upper = np.minimum(np.minimum.reduceat(high[order], first), np.float32(1))
    exists = forest.true < 0
    exists[leaf[lower > upper]] = False
    held = exists[leaf] & ((lower > 0) | (upper < 1))
    place = np.cumsum(exists) - 1
    tree = np.searchsorted(forest.roots, np.flatnonzero(exists), side="right") - 1
    return TreeEnsemble(
        tree=tree.astype(np.int32),
        votes=_votes(found, len(exists))[exists],
        leaf=place[leaf[held]].astype(np.int32),
        column=column[held].astype(np.int32),
        lower=lower[held],
        upper=upper[held],
        link=link,
    )


def _intervals(forest: Forest, splits: _Splits) -> tuple[Floats, Floats]:
    """Return the closed float32 interval in which each split goes the way it does."""
    mode, threshold = np.array(forest.mode)[splits.node], forest.threshold[splits.node]
    infinity = np.float32(np.inf)
    with np.errstate(all="ignore"):  # next to 0 is subnormal, next to the largest is infinite
        after, before = np.nextafter(threshold, infinity), np.nextafter(threshold, -infinity)
    small = splits.holds == np.isin(mode, [b"BRANCH_LEQ", b"BRANCH_LT"])
    within = np.isin(mode, [b"BRANCH_LEQ", b"BRANCH_GT"])  # the threshold is on the small side
    lower = np.where(small, -infinity, np.where(within, after, threshold))
    upper = np.where(small, np.where(within, threshold, before), infinity)
    return lower, upper


def _votes(found: TreeNode, nodes: int) -> Rows:
    """Return what each node adds to each score, float32 [nodes, K]; K is 1 for a margin."""
    attributes = found.attributes
    keys, wanted = (
        attributes.integers(f"{kind}_treeids") * 2**31 + attributes.integers(f"{kind}_nodeids")
        for kind in ("nodes", "class")
    )
    order = np.argsort(keys)
    node = order[np.searchsorted(keys[order], wanted)]
    margin = _margin(found)
    score = np.zeros_like(node) if margin else attributes.integers("class_ids")
    votes = np.zeros((nodes, 1 if margin else found.classes), dtype=np.float32)
    np.add.at(votes, (node, score), attributes.numbers("class_weights"))
    return votes


def _fewer(view: TreeEnsemble) -> TreeEnsemble:
    """Leave the last score out where it follows from the others, as with probabilities."""
    sums = view.votes.sum(axis=1, dtype=np.float64)
    first = np.flatnonzero(np.diff(view.tree, prepend=-1))
    spread = np.maximum.reduceat(sums, first) - np.minimum.reduceat(sums, first)
    if view.votes.shape[1] == 1 or spread.sum() > _SLACK:
        return view
    total, link = np.float32(sums[first].sum()), view.link

    def whole(scores: Rows) -> Probabilities:
        return link(np.concatenate([scores, total - scores.sum(axis=1, keepdims=True)], axis=1))

    return replace(view, votes=view.votes[:, :-1], link=whole)


def _margin(found: TreeNode) -> bool:
    """Whether two classes share one score."""
    return found.classes == 2 and len(np.unique(found.attributes.integers("class_ids"))) == 1


def _link(model: ModelProto, found: TreeNode, classes: int, chunk: int) -> Link | None:
    """Return what the graph makes of the sums of votes; None if that is not known."""
    finish, after = _finish(found), _after(model, found, classes, chunk)
    base = found.attributes.numbers("base_values")
    if after is None or finish is None:
        return None

    def link(scores: Rows) -> Probabilities:
        return after(finish(scores + base if len(base) else scores))

    return link


def _finish(found: TreeNode) -> Link | None:
    """Return the last step of the node itself, as onnxruntime takes it."""
    kind = found.attributes.text("post_transform", "NONE")
    if not _margin(found):
        return {"NONE": _same, "LOGISTIC": _logistic, "SOFTMAX": _softmax}.get(kind)
    if (found.attributes.numbers("class_weights") >= 0).all():
        return lambda scores: np.concatenate([1 - scores, scores], axis=1)
    if kind == "LOGISTIC":
        return lambda scores: _logistic(np.concatenate([-scores, scores], axis=1))
    return None


def _same(scores: Rows) -> Rows:
    return scores


def _logistic(scores: Rows) -> Rows:
    with np.errstate(over="ignore"):  # 1 / infinity is what it should be
        share: Rows = np.reciprocal(1 + np.exp(-scores))
    return share


def _softmax(scores: Rows) -> Rows:
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    share: Rows = power / power.sum(axis=1, keepdims=True)
    return share


def _after(model: ModelProto, found: TreeNode, classes: int, chunk: int) -> Link | None:
    """Return the rest of the graph, from the scores to the output; None if it reads the label."""
    graph = model.graph
    output = graph.output[0].name
    if output == found.scores:
        return _same
    rest = [node for node in graph.node if found.scores not in node.output]
    scores = helper.make_tensor_value_info(found.scores, TensorProto.FLOAT, ["N", found.classes])
    opsets = {each.domain: each.version for each in model.opset_import}
    whole = assemble(
        rest, [scores], graph.output, graph.initializer, opsets=opsets, ir_version=model.ir_version
    )
    tail = prune(whole, output)
    known = {tensor.name for tensor in tail.graph.initializer} | {found.scores, ""}
    known |= {name for node in tail.graph.node for name in node.output}
    if any(name not in known for node in tail.graph.node for name in node.input):
        return None
    run = open_session(tail.SerializeToString())
    return predictor(run, width=found.classes, classes=classes, chunk=chunk)
