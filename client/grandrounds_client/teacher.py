"""A model as a site sees it: something to ask, and what its graph shows of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch

from grandrounds_client.arrays import Columns, Floats, Labels, Mask, Probabilities, Rows
from grandrounds_protocol.layout import Layout

if TYPE_CHECKING:
    from grandrounds_client.counterfactuals.find import Counterfactuals

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Leaves:
    """A single tree as closed boxes on which its probabilities are constant.

    A row x in [0, 1]^D falls into leaf l exactly if lower[l] <= x <= upper[l] in float32:
    the open side of a split `x <= t` is stored as the next float32 above t.

    Attributes
    ----------
    lower, upper : float32 [L, D]
        Corners, clipped to [0, 1]; leaves without a point in the box are left out.
    probabilities : float32 [L, C]
    """

    lower: Rows
    upper: Rows
    probabilities: Probabilities


class Elsewhere(Protocol):
    """A model that runs in another process: the search for counterfactuals goes there, too."""

    def find(
        self,
        x: Rows,
        y: Labels,
        *,
        rng: np.random.Generator,
        alpha: float,
        epsilon: float,
        engine: str,
        fallback: bool,
        margin: float,
        layout: Layout | None,
        movable: Mask | None,
    ) -> "Counterfactuals":
        """Do what `counterfactuals.find` does."""
        ...


@dataclass(frozen=True)
class TreeEnsemble:
    """Trees whose votes are added, as the boxes of all their leaves.

    A leaf is held to an interval in the columns on its path and free in all others, so
    only the former are kept: E of them, where L x D may be a thousand times as many. Each
    row of [0, 1]^D lies in exactly one leaf of each tree; intervals are closed in float32.

    Attributes
    ----------
    tree : int32 [L]
        Which tree a leaf belongs to, ascending from 0.
    votes : float32 [L, K]
        What a leaf adds to the K scores.
    leaf, column : int32 [E]
        A leaf and an encoded column it is held in; ascending, each pair once.
    lower, upper : float32 [E]
        The interval, within [0, 1] and narrower.
    link : callable, float32 [N, K] -> float32 [N, C]
        Probabilities of the sum of one vote of each tree.
    """

    tree: Ints
    votes: Rows
    leaf: Ints
    column: Ints
    lower: Floats
    upper: Floats
    link: Callable[[Rows], Probabilities]


@dataclass(frozen=True)
class Teacher:
    """What a site makes of a released model, its own included.

    Attributes
    ----------
    name : str
        The site that released it.
    algorithm : str
    columns : int64 [d]
        Encoded columns the model reads; only these may move.
    classes : int
        C.
    predict_proba : callable, float32 [N, D] -> float32 [N, C]
    leaves : Leaves or None
        Where the graph is a single decision tree.
    differentiable : torch.nn.Module or None
        The same function on tensors [N, D] -> [N, C], where every operator of the
        graph has a gradient.
    ensemble : TreeEnsemble or None
        Where the graph is several decision trees, or one that is too large for `leaves`.
    elsewhere : Elsewhere or None
        Where the model runs in another process, which alone knows its graph.
    """

    name: str
    algorithm: str
    columns: Columns
    classes: int
    predict_proba: Callable[[Rows], Probabilities]
    leaves: Leaves | None = None
    differentiable: torch.nn.Module | None = None
    ensemble: TreeEnsemble | None = None
    elsewhere: Elsewhere | None = None
