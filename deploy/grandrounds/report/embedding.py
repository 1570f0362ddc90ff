"""Rows in two dimensions, to be looked at: PCA, or t-SNE where asked (CKD, figure 6)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from grandrounds_client.arrays import Rows

Method = Literal["pca", "tsne"]
MOST = {"pca": 3000, "tsne": 1500}
"""Rows drawn at most: a page stays readable, and t-SNE a matter of seconds."""
_PERPLEXITY = 30.0

Plane = npt.NDArray[np.float64]
"""Positions in 0..1, float64 [n, 2]; both axes on one scale."""


@dataclass(frozen=True)
class Embedded:
    """Positions, and for PCA the share of all variance that they show."""

    xy: Plane
    explained: float | None


def embed(x: Rows, method: Method, seed: int) -> Embedded:
    """Lay rows out on a plane.

    Parameters
    ----------
    x : float32 [n, d]
    method : {"pca", "tsne"}
        t-SNE falls back to PCA for fewer than five rows.
    seed : int
    """
    if min(x.shape) < 2:
        return Embedded(np.full((len(x), 2), 0.5), None)
    if method == "tsne" and len(x) >= 5:
        # a perplexity must stay well below the number of rows
        perplexity = min(_PERPLEXITY, (len(x) - 1) / 3)
        tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed % 2**32)
        return Embedded(_fit_square(tsne.fit_transform(x)), None)
    pca = PCA(2, random_state=seed % 2**32)
    flat = pca.fit_transform(x.astype(np.float64)) if np.ptp(x, axis=0).any() else x[:, :2]
    shares = getattr(pca, "explained_variance_ratio_", np.zeros(2))
    return Embedded(_fit_square(flat), float(shares.sum()))


def _fit_square(flat: npt.NDArray[np.floating]) -> Plane:
    wide = flat.astype(np.float64)
    low, span = wide.min(axis=0), float(np.ptp(wide, axis=0).max()) or 1.0
    margin = (1 - np.ptp(wide, axis=0) / span) / 2
    placed: Plane = (wide - low) / span + margin
    return placed
