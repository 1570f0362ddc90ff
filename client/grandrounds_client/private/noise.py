"""The discrete Laplace mechanism: noise for counts, whole numbers throughout.

Real noise is OpenDP's: it comes from the operating system's generator and has none of the
holes that floating-point noise has. A simulation may draw it from a seed instead; then
whoever knows the seed can take the noise off again, so its results say `simulated`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_laplace
from opendp.metrics import l1_distance
from opendp.mod import enable_features

from grandrounds_protocol.errors import WorkFailed

Counts = npt.NDArray[np.int64]

Noise = Callable[[Counts, int, float], Counts]
"""(counts, sensitivity, epsilon) to noisy counts. Sensitivity: how far apart, by the sum of
absolute differences, the counts of two data sets can be that differ in one row."""

_SLACK = 1 + 1e-9
"""Above rounding: the scale is a little larger than it need be, so that `map` stays below."""

enable_features("contrib")  # OpenDP's name for what was proved on paper, not vetted by its board


def scale_of(sensitivity: int, epsilon: float) -> float:
    """Scale of the Laplace noise: P(noise = z) is proportional to exp(-|z| / scale)."""
    return sensitivity / epsilon * _SLACK


def system_noise(counts: Counts, sensitivity: int, epsilon: float) -> Counts:
    """Add OpenDP's discrete Laplace noise, int64 [n].

    Raises
    ------
    WorkFailed
        If OpenDP finds that this noise costs more than `epsilon`.
    """
    space = vector_domain(atom_domain(T="i64")), l1_distance(T="i64")
    mechanism: Any = make_laplace(*space, scale=scale_of(sensitivity, epsilon))  # half typed
    if mechanism.map(sensitivity) > epsilon:
        raise WorkFailed("the noise does not keep to its epsilon")
    return np.array(mechanism(counts.tolist()), np.int64)


def seeded_noise(rng: np.random.Generator) -> Noise:
    """Return the same distribution, drawn from a generator: for simulations only."""

    def add(counts: Counts, sensitivity: int, epsilon: float) -> Counts:
        # the difference of two geometric variables is discrete Laplace
        success = -np.expm1(-1 / scale_of(sensitivity, epsilon))
        first, second = (rng.geometric(success, counts.shape) for _ in range(2))
        noisy: Counts = counts + first - second
        return noisy

    return add
