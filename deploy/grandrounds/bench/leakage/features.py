"""What an attacker sees of a row beside what left a site: its released rows, its models."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from grandrounds.privacy.membership import by_equal_numbers, most_equal
from grandrounds.privacy.nearness import numbers, own_columns
from grandrounds_client.arrays import Labels, Mask, Rows
from grandrounds_client.gate.alike import RawFeatures
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.site import Site
from grandrounds_protocol.instances import VirtualInstances

Features = npt.NDArray[np.float64]
"""One row for each of N patients, one column for each thing seen."""

NEAREST = 5
NEAREST_ROW, NEAREST_IN_CLASS, EQUAL_NUMBERS = 0, 3, -3
"""Columns of `of_rows`."""
FIRST_MODEL = 0
"""Column of `of_models`."""
RADII = (0.5, 1.0, 2.0)
"""A little in all numbers, half of another category, another category."""
WIDTH = 0.05
"""Values no farther apart than this are near in one column."""
_SURE = 1e-6


def of_rows(site: Site, x: Rows, y: Labels, released: VirtualInstances) -> Features:
    """Say how rows stand to the released ones, all on the site's own columns.

    Nearest distance, the mean of the five nearest and their ratio; the nearest of the
    same and of another class and their ratio; the share of released rows within some
    radii; the most raw features, and the most numbers, equal to those of one; how usual its
    values are among released rows of the class, column by column; the class.

    Parameters
    ----------
    site : Site
    x : float32 [N, D]
    y : int32 [N]
    released : VirtualInstances
        At least one row.
    """
    own, left = own_columns(site, x), own_columns(site, released.x)
    distance = cdist(own, left, "cityblock")
    same = released.y[None] == y[:, None]
    few = np.sort(distance, axis=1)[:, :NEAREST]
    far = float(own.shape[1] + 1)
    in_class = np.where(same, distance, far).min(axis=1)
    other = np.where(same, far, distance).min(axis=1)
    patients = RawFeatures.of(own, site.columns, site.layout)
    return np.column_stack(
        [
            few[:, 0],
            few.mean(axis=1),
            few[:, 0] / (few.mean(axis=1) + _SURE),
            in_class,
            other,
            in_class / (in_class + other + _SURE),
            *((distance <= radius).mean(axis=1) for radius in RADII),
            most_equal(patients, left),
            by_equal_numbers(numbers(site, x), numbers(site, released.x)),
            _usual(own, left, same),
            y,
        ]
    )


def _usual(own: Rows, left: Rows, same: Mask) -> npt.NDArray[np.float64]:
    """Share of released rows of the class that are near, averaged over columns, float64 [N].

    Where rows are drawn column by column, only frequencies can tell who was among those
    that they were drawn from (Homer et al., "Resolving Individuals Contributing Trace
    Amounts of DNA", 2008).
    """
    near = np.zeros(same.shape)
    for mine, theirs in zip(own.T, left.T, strict=True):
        near += np.abs(mine[:, None] - theirs[None]) <= WIDTH
    near *= same
    usual: npt.NDArray[np.float64] = near.sum(axis=1) / (same.sum(axis=1) + _SURE) / own.shape[1]
    return usual


def of_models(site: Site, x: Rows, y: Labels, models: Sequence[bytes]) -> Features:
    """Say how sure the site's first and last model are of each row's class, and the change.

    Parameters
    ----------
    site : Site
    x : float32 [N, D]
    y : int32 [N]
    models : sequence of bytes
        What the site released, at least one.

    Returns
    -------
    float64 [N, 3 + 1]
        Log-odds of the class under both, their difference, the class.
    """
    first, last = (_log_odds(site, model, x, y) for model in (models[0], models[-1]))
    return np.column_stack([first, last, last - first, y])


def _log_odds(site: Site, model: bytes, x: Rows, y: Labels) -> npt.NDArray[np.float64]:
    probability = teacher_of(site, model, site.name).predict_proba(x)[np.arange(len(y)), y]
    sure = np.clip(probability.astype(np.float64), _SURE, 1 - _SURE)
    odds: npt.NDArray[np.float64] = np.log(sure / (1 - sure))
    return odds
