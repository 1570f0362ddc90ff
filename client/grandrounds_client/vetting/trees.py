"""The trees of a TreeEnsembleClassifier, believed only once they are shown to be trees.

onnxruntime follows child indices as they stand; a crafted index reads past an array and
a crafted cycle never ends. So: every child exists in its own tree, no node is reached
twice, and every node is reached from its tree's first one. That leaves trees only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.vetting.attributes import Attributes
from grandrounds_client.vetting.limits import Limits
from grandrounds_protocol.errors import BadModel

Ints = npt.NDArray[np.int64]

LEAF = b"LEAF"
MODES = frozenset({b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", LEAF})
_COLUMNS = ("nodeids", "treeids", "featureids", "truenodeids", "falsenodeids")
_OPTIONAL = ("hitrates", "missing_value_tracks_true")
_LARGEST = 2**31


@dataclass(frozen=True)
class Forest:
    """Trees as arrays over their nodes, in the order of the file.

    Attributes
    ----------
    feature : int64 [n]
        Column of the operator's input that a node asks about.
    threshold : float32 [n]
    mode : list of bytes
        One of `MODES` per node.
    true, false : int64 [n]
        Positions of the children in these arrays, -1 at leaves.
    roots : int64 [trees]
        Positions of the roots.
    depth : int
        Nodes on the longest path.
    """

    feature: Ints
    threshold: npt.NDArray[np.float32]
    mode: list[bytes]
    true: Ints
    false: Ints
    roots: Ints
    depth: int


@dataclass(frozen=True)
class _Index:
    """Finds nodes by tree and id; `keys` holds one number per node for that pair."""

    keys: Ints
    order: Ints
    leaf: npt.NDArray[np.bool_]

    def find(self, wanted: Ints) -> Ints:
        """Return the position of each wanted key, -1 where there is none."""
        at = np.minimum(np.searchsorted(self.keys[self.order], wanted), len(self.keys) - 1)
        position = self.order[at]
        return np.where(self.keys[position] == wanted, position, -1)


def read_forest(
    attributes: Attributes, where: str, *, width: int, classes: int, limits: Limits
) -> Forest:
    """Read and check the trees of one node.

    Parameters
    ----------
    width : int
        Columns of the operator's input.
    classes : int
        Number of class labels.

    Raises
    ------
    BadModel
        Naming the attribute and the position in it.
    """
    modes = _check_lengths(attributes, where, limits)
    index = _index(attributes, modes, where)
    true = _children(attributes, "nodes_truenodeids", index, where)
    false = _children(attributes, "nodes_falsenodeids", index, where)
    feature = attributes.integers("nodes_featureids")
    place = f"{where}, attribute 'nodes_featureids'"
    _first((feature < 0) | (feature >= width), f"not a column of 0 to {width - 1}", place)
    roots = _roots(attributes.integers("nodes_treeids"), true, false, where)
    depth = _depth(roots, true, false, where, limits.tree_depth)
    _check_weights(attributes, index, where, classes)
    return Forest(feature, attributes.numbers("nodes_values"), modes, true, false, roots, depth)


def _check_lengths(attributes: Attributes, where: str, limits: Limits) -> list[bytes]:
    modes = attributes.texts("nodes_modes")
    place = f"{where}, attribute 'nodes_modes'"
    if not 1 <= len(modes) <= limits.tree_nodes:
        problem = f"{len(modes)} tree nodes, 1 to {limits.tree_nodes} are accepted"
        raise BadModel(problem, where=place)
    _first(np.array([mode not in MODES for mode in modes]), "a mode that is not accepted", place)
    lengths = {name: len(attributes.integers(f"nodes_{name}")) for name in _COLUMNS}
    lengths["values"] = len(attributes.numbers("nodes_values"))
    lengths |= {
        name: len(attributes.numbers(f"nodes_{name}"))
        for name in _OPTIONAL
        if f"nodes_{name}" in attributes
    }
    for name, length in lengths.items():
        if length != len(modes):
            problem = f"{length} entries for {len(modes)} tree nodes"
            raise BadModel(problem, where=f"{where}, attribute 'nodes_{name}'")
    return modes


def _index(attributes: Attributes, modes: list[bytes], where: str) -> _Index:
    keys = _keys(attributes, "nodes", where)
    order = np.argsort(keys, kind="stable")
    twice = np.diff(keys[order]) == 0
    _first(twice, "a node stands twice", f"{where}, attribute 'nodes_nodeids', sorted")
    return _Index(keys, order, np.array([mode == LEAF for mode in modes]))


def _keys(attributes: Attributes, kind: str, where: str) -> Ints:
    """Return one number per pair of tree and node."""
    pair = []
    for name in (f"{kind}_treeids", f"{kind}_nodeids"):
        ids = attributes.integers(name)
        place = f"{where}, attribute '{name}'"
        _first((ids < 0) | (ids >= _LARGEST), "an id out of range", place)
        pair.append(ids)
    return pair[0] * _LARGEST + pair[1]


def _children(attributes: Attributes, name: str, index: _Index, where: str) -> Ints:
    child = attributes.integers(name)
    inner = ~index.leaf
    place = f"{where}, attribute '{name}'"
    _first(inner & ((child < 0) | (child >= _LARGEST)), "a child out of range", place)
    tree = index.keys // _LARGEST
    found = index.find(tree * _LARGEST + np.where(inner, child, 0))
    _first(inner & (found < 0), "a child that does not exist in its tree", place)
    return np.where(inner, found, -1)


def _roots(tree: Ints, true: Ints, false: Ints, where: str) -> Ints:
    children = np.concatenate([true[true >= 0], false[false >= 0]])
    reached = np.bincount(children, minlength=len(tree))
    _first(reached > 1, "a node that is reached twice", f"{where}, attribute 'nodes_nodeids'")
    roots = np.flatnonzero(reached == 0)
    # onnxruntime takes the first node of each run of one tree id for its root
    starts = np.flatnonzero(np.diff(tree, prepend=tree[0] - 1))
    if len(np.unique(tree)) != len(starts) or not np.array_equal(roots, starts):
        raise BadModel(
            "trees that are scattered, cyclic, or do not begin with their one root",
            where=f"{where}, attribute 'nodes_treeids'",
        )
    return roots


def _depth(roots: Ints, true: Ints, false: Ints, where: str, deepest: int) -> int:
    level, seen, depth = roots, 0, 0
    while len(level):
        seen, depth = seen + len(level), depth + 1
        if depth > deepest:
            problem = f"a tree deeper than {deepest} nodes"
            raise BadModel(problem, where=where, remedy="limit the depth when training")
        level = np.concatenate([true[level], false[level]])
        level = level[level >= 0]
    if seen != len(true):
        raise BadModel("a cycle of tree nodes", where=f"{where}, attribute 'nodes_truenodeids'")
    return depth


def _check_weights(attributes: Attributes, index: _Index, where: str, classes: int) -> None:
    ids = attributes.integers("class_ids")
    lengths = {
        "class_nodeids": len(attributes.integers("class_nodeids")),
        "class_treeids": len(attributes.integers("class_treeids")),
        "class_weights": len(attributes.numbers("class_weights")),
    }
    for name, length in lengths.items():
        if length != len(ids):
            problem = f"{length} entries for {len(ids)} in 'class_ids'"
            raise BadModel(problem, where=f"{where}, attribute '{name}'")
    place = f"{where}, attribute 'class_ids'"
    _first((ids < 0) | (ids >= classes), f"not a class of 0 to {classes - 1}", place)
    found = index.find(_keys(attributes, "class", where))
    place = f"{where}, attribute 'class_nodeids'"
    _first((found < 0) | ~index.leaf[found], "not a leaf", place)
    bare = index.leaf.copy()
    bare[found] = False
    _first(bare, "a leaf without weights", f"{where}, attribute 'nodes_modes'")


def _first(wrong: npt.NDArray[np.bool_], problem: str, where: str) -> None:
    """Refuse at the first position that is wrong."""
    if wrong.any():
        raise BadModel(problem, where=f"{where}, position {int(np.argmax(wrong))}")
