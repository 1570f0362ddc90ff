"""Whether noise drowns what a release would tell, by public numbers alone: no row has a say."""

from typing import NamedTuple

import numpy as np

from grandrounds_client.private.cells import axes
from grandrounds_client.private.marginals import bins_for
from grandrounds_client.private.noise import scale_of
from grandrounds_client.site import Site


class Signal(NamedTuple):
    """What a cell of a release holds on average, beside its noise.

    Attributes
    ----------
    expected : float
        Rows in a cell, were all classes and all cells of a feature equally frequent.
    noise : float
        Scale of the noise on it.
    """

    expected: float
    noise: float


def signal(site: Site, rows: int, epsilon: float) -> Signal:
    """Compare the rows that a cell may expect with its noise, before any is counted.

    Parameters
    ----------
    site : Site
        For its features and classes.
    rows : int
        N, training rows; public.
    epsilon : float
    """
    features = len(list(axes(site.layout, site.columns, bins=1)))
    found = axes(site.layout, site.columns, bins_for(rows, features, epsilon))
    cells = float(np.mean([axis.cells for axis in found]))
    return Signal(rows / site.classes / cells, scale_of(2 * features, epsilon))


def drowned(site: Site, rows: int, epsilon: float) -> str:
    """Say in a line that the noise is larger than what it is added to; nothing where it is not."""
    expected, noise = signal(site, rows, epsilon)
    if expected >= noise:
        return ""
    return (
        f"{site.name}: epsilon {epsilon:g} drowns the counts of a private release: "
        f"{expected:.1f} rows are expected in a cell, and the noise on it is {noise:.1f}. "
        "What its virtual rows teach comes from the models that label them"
    )
