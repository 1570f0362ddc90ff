"""The noisy release: how often each value of each feature occurs in each class, with noise."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from grandrounds_client.arrays import Columns, Labels, Rows
from grandrounds_client.private.cells import Axis, axes
from grandrounds_client.private.noise import Counts, Noise, scale_of
from grandrounds_client.split import Examples
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.record import Count, Record

MOST_CELLS = 1_000_000
"""Of a whole release; beyond, no number of rows would outweigh the noise."""

PRIOR = 0.2
"""Rows that each cell is taken to hold beforehand, in units of the noise's scale."""

NoiseSource = Literal["system", "simulated"]
"""Where noise came from: the operating system, or the seed of a simulation."""


class NoisyRelease(Record):
    """All that is ever told of a site's rows in the recipe `private`."""

    epsilon: float = Field(gt=0, allow_inf_nan=False)
    noise: NoiseSource
    rows: Count
    """N, public."""
    width: Count
    """D, the encoded columns of the federation; what the site does not have is 0."""
    axes: tuple[Axis, ...] = Field(min_length=1)
    counts: tuple[tuple[tuple[int, ...], ...], ...]
    """Noisy counts, [F, C, cells]; they may be negative."""

    @property
    def sensitivity(self) -> int:
        """Of all counts together: each histogram changes by 2."""
        return 2 * len(self.axes)


def measure(
    x: Rows,
    y: Labels,
    *,
    layout: Layout,
    columns: Columns,
    classes: int,
    epsilon: float,
    noise: Noise,
    source: NoiseSource,
) -> NoisyRelease:
    """Count every class and cell of every feature, and add noise: the one look at the rows.

    Two sets of rows are neighbours if they have the same number of rows and differ in one
    (replace-one adjacency; the number is public). The row that differs leaves one cell of a
    histogram and enters another, whatever of its class and values differs: the histogram
    changes by 2 in sum. It does so in each of the F histograms, so that all counts together
    change by 2 F at most. Noise of scale 2 F / epsilon on every count makes the whole release
    epsilon-differentially private; each histogram for itself has epsilon / F.

    Parameters
    ----------
    x, y : float32 [N, D], int32 [N]
    layout, columns
        Of the federation, and the encoded columns the site has.
    classes : int
        C.
    epsilon : float
    noise, source
        Where it comes from, and its name.

    Raises
    ------
    BadInput
        Without a feature to count, or with more than a million cells.
    """
    features = len(list(axes(layout, columns, bins=1)))
    found = tuple(axes(layout, columns, bins_for(len(y), features, epsilon)))
    if not found or classes * sum(axis.cells for axis in found) > MOST_CELLS:
        raise BadInput(
            f"{len(found)} features in {classes} classes cannot be counted privately",
            where="recipe private",
            remedy="take another recipe, or features with fewer categories",
        )
    exact = np.concatenate([_histogram(axis, x, y, classes).ravel() for axis in found])
    noisy = noise(exact, 2 * len(found), epsilon)
    ends = np.cumsum([classes * axis.cells for axis in found])[:-1]
    parts = np.split(noisy, ends)
    return NoisyRelease(
        epsilon=epsilon,
        noise=source,
        rows=len(y),
        width=layout.width,
        axes=found,
        counts=tuple(tuple(map(tuple, part.reshape(classes, -1).tolist())) for part in parts),
    )


def bins_for(rows: int, features: int, epsilon: float) -> int:
    """Bins of a number: the more rows and budget there are for one histogram, the more.

    >>> bins_for(150, 13, 3.0), bins_for(150, 13, 0.5), bins_for(10_000, 13, 3.0)
    (7, 4, 26)
    """
    return int(np.clip(round(2 * float(np.cbrt(rows * epsilon / max(features, 1)))), 2, 32))


def _histogram(axis: Axis, x: Rows, y: Labels, classes: int) -> Counts:
    counts = np.zeros((classes, axis.cells), np.int64)
    np.add.at(counts, (y, axis.codes(x)), 1)
    return counts


def draw(release: NoisyRelease, n: int, rng: np.random.Generator) -> Examples:
    """Draw rows: a class, each as often, then every feature by its histogram in that class.

    Nothing here is private: the release is all it knows.

    Parameters
    ----------
    release : NoisyRelease
    n : int
    rng : numpy Generator
        Public; the run's seed will do.

    Returns
    -------
    Rows float32 [n, D] in [0, 1], with whole categories and levels, and the class each was
    drawn for, int32 [n].
    """
    classes = len(release.counts[0])
    y = rng.integers(classes, size=n, dtype=np.int32)
    x = np.zeros((n, release.width), np.float32)
    prior = PRIOR * scale_of(release.sensitivity, release.epsilon)
    for axis, table in zip(release.axes, release.counts, strict=True):
        codes = _codes(np.maximum(np.array(table, np.float64), 0) + prior, y, rng)
        x[:, axis.column : axis.column + axis.width] = axis.values(codes, rng)
    return Examples(x, y)


def _codes(
    weight: npt.NDArray[np.float64], y: Labels, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Draw a cell for each row by the weights, [C, cells], of its class."""
    below = np.cumsum(weight, axis=1)
    below /= below[:, -1:]
    drawn = rng.random(len(y))
    codes = np.empty(len(y), np.intp)
    for label in range(len(weight)):
        rows = y == label
        codes[rows] = np.searchsorted(below[label, :-1], drawn[rows], side="right")
    return codes
