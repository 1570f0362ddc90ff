"""Does the noise keep its promise? Many releases of two neighbouring data sets are compared.

If a release is epsilon-differentially private, no event is more than e^epsilon times as
likely on one data set as on its neighbour. The best of a family of events gives a lower
bound of the epsilon that is really there: one half of the releases chooses the event, the
other half bounds it (Clopper and Pearson).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import beta

from grandrounds_client.private import seeded_noise, system_noise
from grandrounds_client.private.noise import Counts, Noise
from tests.client.private.made import released, rows

EPSILON = 1.0
RELEASES = 24_000
DOUBT = 1e-6
"""Of each bound: noise of the system differs from run to run, and no test may fail by chance."""


def asked(x: npt.NDArray[np.float32], y: npt.NDArray[np.int32]) -> tuple[Counts, int, float]:
    """Return what `measure` has noise added to, and with which sensitivity and epsilon."""
    found: list[tuple[Counts, int, float]] = []

    def noting(counts: Counts, sensitivity: int, epsilon: float) -> Counts:
        found.append((counts, sensitivity, epsilon))
        return counts

    released(x, y, noting, EPSILON)
    return found[0]


def audited(noise: Noise) -> float:
    """Return a lower bound of epsilon, of two data sets that differ in one row.

    The row differs in its class and in every feature. Only counts that differ are looked at,
    in the best way there is: the likelihood ratio of Laplace noise is the difference of the
    absolute distances to both data sets.
    """
    x, y = rows(30)
    other_x, other_y = x.copy(), y.copy()
    x[0], y[0] = [0.9, 1, 0, 0, 0], 0
    other_x[0], other_y[0] = [0.0, 0, 1, 1, 0], 1
    one, sensitivity, epsilon = asked(x, y)
    two, _, _ = asked(other_x, other_y)
    one, two = one[one != two], two[one != two]
    likely, unlikely = (
        np.abs(many - two).sum(axis=1) - np.abs(many - one).sum(axis=1)
        for truth in (one, two)
        for many in [noise(np.tile(truth, RELEASES), sensitivity, epsilon).reshape(RELEASES, -1)]
    )
    half = RELEASES // 2
    bar = max(
        np.unique(likely[:half]),
        key=lambda bar: _bound(likely[:half] >= bar, unlikely[:half] >= bar),
    )
    return _bound(likely[half:] >= bar, unlikely[half:] >= bar)


def _bound(likely: npt.NDArray[np.bool_], unlikely: npt.NDArray[np.bool_]) -> float:
    n, hits, others = len(likely), int(likely.sum()), int(unlikely.sum())
    if not hits or others == n:
        return 0.0
    low = beta.ppf(DOUBT, hits, n - hits + 1)
    high = beta.ppf(1 - DOUBT, others + 1, n - others)
    return float(np.log(low / high))


def seeded() -> Noise:
    return seeded_noise(np.random.default_rng(5))


@pytest.mark.parametrize("noise", [lambda: system_noise, seeded], ids=["system", "simulated"])
def test_neighbours_are_told_apart_no_better_than_epsilon_allows(
    noise: Callable[[], Noise],
) -> None:
    assert 0.2 * EPSILON < audited(noise()) <= EPSILON


@pytest.mark.parametrize("noise", [lambda: system_noise, seeded], ids=["system", "simulated"])
def test_half_the_noise_would_be_caught(noise: Callable[[], Noise]) -> None:
    whole = noise()

    def half(counts: Counts, sensitivity: int, epsilon: float) -> Counts:
        return whole(counts, sensitivity, 2 * epsilon)

    assert audited(half) > EPSILON


def test_simulated_noise_is_spread_as_the_systems_is() -> None:
    zeros = np.zeros(20_000, np.int64)
    for epsilon in (0.3, 3.0):
        ours, theirs = seeded()(zeros, 6, epsilon), system_noise(zeros, 6, epsilon)
        assert abs(ours.std() / theirs.std() - 1) < 0.05
        assert abs((ours == 0).mean() - (theirs == 0).mean()) < 0.015


def test_noise_of_the_system_is_never_the_same_twice() -> None:
    zeros = np.zeros(200, np.int64)
    assert (system_noise(zeros, 6, 0.5) != system_noise(zeros, 6, 0.5)).any()
