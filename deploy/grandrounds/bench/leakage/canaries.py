"""Canaries: rows far from all others, of which half are planted among the training rows."""

from dataclasses import dataclass, replace

import numpy as np

from grandrounds.privacy.nearness import nearest, own_columns
from grandrounds.privacy.parts import TRAINED, membership
from grandrounds_client.arrays import Labels, Mask, Rows
from grandrounds_client.site import Site
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Ordinal, Rules

SHARE = 0.1
"""Of the training rows: so many are replaced by canaries."""
POOL = 32
"""Rows drawn for each canary; the farthest are taken."""


@dataclass(frozen=True)
class Canaries:
    """2m rows drawn for one site.

    Attributes
    ----------
    x : float32 [2m, D]
    y : int32 [2m]
        Planted and kept out have the same classes.
    planted : bool [2m]
    """

    x: Rows
    y: Labels
    planted: Mask


def plant(site: Site, rules: Rules, rng: np.random.Generator) -> tuple[Site, Canaries]:
    """Return the site with canaries in the place of some training rows, and all canaries.

    The split looks at classes only, which stay: all other rows are where they were.
    """
    trained = np.flatnonzero(membership(site, rules) == TRAINED)
    count = max(2, round(SHARE * len(trained)))
    places = rng.choice(trained, min(count, len(trained)), replace=False)
    drawn = _far(site, 2 * len(places), rng)
    x = site.rows.x.copy()
    x[places] = drawn[: len(places)]
    classes = site.rows.y[places]
    canaries = Canaries(
        drawn, np.concatenate([classes, classes]), np.arange(len(drawn)) < len(places)
    )
    return replace(site, rows=replace(site.rows, x=x)), canaries


def _far(site: Site, count: int, rng: np.random.Generator) -> Rows:
    """Rows far from the site's own, in an order drawn."""
    pool = draw_rows(site.layout, POOL * count, rng)
    present = np.zeros(site.layout.width, np.bool_)
    present[site.columns] = True
    pool[:, ~present] = 0
    distance = nearest(own_columns(site, site.rows.x), own_columns(site, pool))
    farthest: Rows = pool[rng.permutation(np.argsort(-distance, kind="stable")[:count])]
    return farthest


def draw_rows(layout: Layout, count: int, rng: np.random.Generator) -> Rows:
    """Draw valid rows, each feature by itself and evenly, float32 [count, D]."""
    parts = []
    for feature in layout.features:
        if isinstance(feature, Categorical):
            parts.append(np.eye(feature.width)[rng.integers(0, feature.width, count)])
        elif isinstance(feature, Ordinal):
            last = len(feature.levels) - 1
            parts.append(rng.integers(0, last + 1, (count, 1)) / last)
        else:
            parts.append(rng.random((count, feature.width)))
    return np.concatenate(parts, axis=1).astype(np.float32)
