"""No leaf of a released tree speaks of a few patients."""

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from grandrounds_client.arrays import Rows
from grandrounds_client.lint.ensembles import (
    PREFIX,
    Ensemble,
    Ints,
    levels_of,
    read_ensemble,
    sums_below,
    write_ensemble,
)
from grandrounds_client.lint.steps import activation, up_to
from grandrounds_client.vetting.trees import Forest
from grandrounds_protocol.errors import ModelHoldsRows

Mask = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.float64]


def merge_small_leaves(
    graph: bytes,
    rows: Rows,
    k: int,
    *,
    virtual: Rows | None = None,
    weight: Weights | None = None,
) -> tuple[bytes, int]:
    """Merge every leaf that 1 to k - 1 of the rows reach into its parent, until none is left.

    The parent becomes a leaf in place of all that is below it. What it adds is the mean of
    the leaves that it replaces, weighted by the rows that trained them: what a tree would
    have said had it stopped there; shares of a forest stay shares, and scores of boosting
    the mean score of these rows. Own rows decide what is merged; virtual rows are no
    patients, and only weigh, or else merging would undo what they taught. A leaf that no
    own row reaches may stay, as it speaks of none. It works on the graph alone, so that a
    model made elsewhere is treated alike.

    Parameters
    ----------
    graph : bytes
        The exported graph over the federation's columns.
    rows : float32 [N, D]
        The site's own training rows, as they reach the graph.
    k : int
        Fewest rows that a leaf may speak of, if it speaks of any.
    virtual : float32 [M, D] or None
        The virtual rows that it was trained on as well.
    weight : float64 [N + M] or None
        How much each row counted in training, own ones first, above 0; 1 if None. Without
        it a model of balanced classes leans to the larger class where leaves are merged.

    Returns
    -------
    graph : bytes
        The same bytes where nothing was merged.
    merged : int
        How many leaves are gone into another.

    Raises
    ------
    ModelHoldsRows
        If a tree answers with fewer than k rows in all.
    BadModel
        If what stands in the graph are no trees.
    """
    model = ModelProto.FromString(graph)
    trained = rows if virtual is None else np.concatenate([rows, virtual])
    heavy = np.ones(len(trained)) if weight is None else weight
    own = np.arange(len(trained)) < len(rows)
    merged = 0
    for index, node in enumerate(model.graph.node):
        if node.op_type in PREFIX:
            where = f"node {index} ({node.op_type})"
            if 0 < len(rows) < k:
                raise ModelHoldsRows(
                    f"fewer than {k} training rows: every leaf would speak of too few",
                    where=where,
                    remedy="take part with more rows",
                )
            x = activation(up_to(model, node.input[0]), trained)
            ensemble = read_ensemble(node, where, x.shape[1])
            fewer, gone = _merged(ensemble, x, k, own, heavy)
            if gone.any():
                merged += int(np.count_nonzero(gone & (ensemble.forest.true < 0)))
                write_ensemble(node, fewer, gone)
    return (bytes(model.SerializeToString(deterministic=True)) if merged else graph), merged


def _merged(
    ensemble: Ensemble, x: Rows, k: int, own: Mask, weight: Weights
) -> tuple[Ensemble, Mask]:
    """Return the ensemble after merging, and which nodes are gone."""
    forest = ensemble.forest
    levels = levels_of(forest)
    counts = sums_below(forest, levels, x, own.astype(np.float64))
    heavy = sums_below(forest, levels, x, weight)
    owner = _owners(forest, levels, _closed(forest, levels, counts, k))
    gone = owner != np.arange(len(owner))
    share = np.ones(len(ensemble.leaf))
    from_gone = gone[ensemble.leaf]
    below = ensemble.leaf[from_gone]
    share[from_gone] = heavy[below] / heavy[owner[below]]
    pair = np.stack([owner[ensemble.leaf], ensemble.output])
    pairs, at = np.unique(pair, axis=1, return_inverse=True)
    added = np.zeros(pairs.shape[1])
    np.add.at(added, at, share * ensemble.weight)
    return Ensemble(forest, pairs[0], pairs[1], added), gone


def _closed(forest: Forest, levels: list[Ints], counts: Weights, k: int) -> Mask:
    """Return which nodes are leaves, or have a leaf of 1 to k - 1 rows below them."""
    closed = forest.true < 0
    small = (counts > 0) & (counts < k)
    for level in reversed(levels):
        inner = level[forest.true[level] >= 0]
        closed[inner] = np.any(
            [closed[child] & small[child] for child in (forest.true[inner], forest.false[inner])],
            axis=0,
        )
    return closed


def _owners(forest: Forest, levels: list[Ints], closed: Mask) -> Ints:
    """Return for each node the one that is a leaf in its place, or the node itself."""
    owner = np.arange(len(closed))
    for level in levels:
        inner = level[forest.true[level] >= 0]
        inside = inner[closed[inner] | (owner[inner] != inner)]
        for child in (forest.true[inside], forest.false[inside]):
            owner[child] = owner[inside]
    return owner
