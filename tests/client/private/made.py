"""A layout with every kind of feature, rows for it, and releases without noise."""

from collections.abc import Callable

import numpy as np

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.private import Noise, NoisyRelease, measure
from grandrounds_client.private.noise import Counts
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Ordinal

LAYOUT = Layout(
    (
        Continuous(name="age", low=0, high=100),
        Categorical(kind="categorical", name="sex", categories=("f", "m")),
        Ordinal(kind="ordinal", name="stage", levels=("I", "II", "III")),
        Continuous(name="absent", low=0, high=1),
    )
)
COLUMNS = np.arange(4, dtype=np.int64)
"""All but the last: the site has no such feature."""


def rows(n: int, seed: int = 0) -> tuple[Rows, Labels]:
    """Class 1 is old and male, class 0 young; a third of the sexes is missing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n, dtype=np.int32)
    x = np.zeros((n, LAYOUT.width), np.float32)
    x[:, 0] = 0.2 + 0.6 * y + 0.1 * rng.random(n)
    x[np.arange(n), 1 + y] = rng.random(n) > 1 / 3
    x[:, 3] = rng.integers(3, size=n) / 2
    return x, y


def without_noise(counts: Counts, sensitivity: int, epsilon: float) -> Counts:  # noqa: ARG001
    return counts


def released(
    x: Rows, y: Labels, noise: Noise = without_noise, epsilon: float = 3.0
) -> NoisyRelease:
    return measure(
        x,
        y,
        layout=LAYOUT,
        columns=COLUMNS,
        classes=2,
        epsilon=epsilon,
        noise=noise,
        source="simulated",
    )


Maker = Callable[[], Noise]
