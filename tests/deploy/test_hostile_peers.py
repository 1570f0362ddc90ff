"""Hostile peers over ten seeds: what they cost the honest sites, and what they get.

`pytest -s tests/deploy/test_hostile_peers.py` prints the figures of docs/method.md. Each
attack is one test, so that processes can share them.
"""

from functools import cache

import numpy as np
import pytest

from tests.deploy.hostile_federation import ATTACKS, HONEST, HOSTILE, Ended, held

SEEDS = range(10)
pytestmark = pytest.mark.slow


@cache
def without(seed: int) -> Ended:
    return held(seed, None)


def show(what: str, changes: list[float], ended: list[Ended]) -> None:
    accused = [name for run in ended for _, name in run.quarantined]
    doubted = sum(run.disbelieved(HOSTILE) for run in ended)
    print(  # noqa: T201 (the figures of docs/method.md, with pytest -s)
        f"\n| {what} | {np.mean(changes):+.1f} | {min(changes):+.1f} "
        f"| {fooled(ended):.0f} | {doubted} "
        f"| {accused.count(HOSTILE)} | {len(accused) - accused.count(HOSTILE)} |"
    )


def fooled(ended: list[Ended]) -> float:
    return float(100 * np.mean([run.fooled for run in ended]))


def test_the_honest_sites_teach_each_other_and_hardly_anybody_is_accused() -> None:
    ended = [without(seed) for seed in SEEDS]
    show("is not there", [0.0], ended)
    assert np.mean([100 * (run.score - run.first) for run in ended]) > 1
    assert sum(len(run.quarantined) for run in ended) <= 4
    # of 200 pairs of sites
    assert sum(run.disbelieved(name) for run in ended for name in HONEST) <= 30


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_peer_costs_the_honest_sites_less_than_a_point_and_fools_nobody(
    attack: str,
) -> None:
    ended = [held(seed, ATTACKS[attack]) for seed in SEEDS]
    honest = [without(seed) for seed in SEEDS]
    changes = [100 * (run.score - alone.score) for run, alone in zip(ended, honest, strict=True)]
    show(attack, changes, ended)
    assert np.mean(changes) > -1
    assert fooled(ended) < fooled(honest) + 10
    assert sum(bad != HOSTILE for run in ended for _, bad in run.quarantined) <= 4
    if attack not in {"says all candidates lose", "plants one with true labels"}:
        assert sum(run.disbelieved(HOSTILE) for run in ended) >= 40
