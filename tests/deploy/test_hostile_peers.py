"""Hostile peers over ten seeds: what they cost the honest sites, and what they get.

`pytest -s tests/deploy/test_hostile_peers.py` prints the figures of docs/method.md.
"""

from functools import cache

import numpy as np
import pytest

from tests.deploy.hostile_federation import ATTACKS, HOSTILE, Ended, held

SEEDS = range(10)
LOSS = {"flips labels and says all win": 1.5}
"""Points of balanced accuracy that an attack may cost on average, where that is more than 1."""
pytestmark = pytest.mark.slow


@cache
def without(seed: int) -> Ended:
    return held(seed, None)


@cache
def under(attack: str) -> tuple[Ended, ...]:
    """All seeds of one attack; prints what came of them."""
    ended = tuple(held(seed, ATTACKS[attack]) for seed in SEEDS)
    change = changes(attack, ended)
    accused = [name for run in ended for _, name in run.quarantined]
    print(  # noqa: T201 (the figures of docs/method.md, with pytest -s)
        f"| {attack} | {np.mean(change):+.1f} | {min(change):+.1f} "
        f"| {100 * np.mean([run.fooled for run in ended]):.0f} "
        f"| {accused.count(HOSTILE)} | {len(accused) - accused.count(HOSTILE)} |"
    )
    return ended


def changes(attack: str, ended: tuple[Ended, ...]) -> list[float]:
    """Points of balanced accuracy that the honest sites gain or lose by the peer, by seed."""
    assert len(ended) == len(SEEDS), attack
    return [100 * (run.score - without(seed).score) for seed, run in zip(SEEDS, ended, strict=True)]


def test_the_honest_sites_teach_each_other_something() -> None:
    gained = [100 * (without(seed).score - without(seed).first) for seed in SEEDS]
    fooled = 100 * np.mean([without(seed).fooled for seed in SEEDS])
    accused = sum(len(without(seed).quarantined) for seed in SEEDS)
    print(f"\n| nobody hostile | 0 | 0 | {fooled:.0f} | 0 | {accused} |")  # noqa: T201 (likewise)
    assert np.mean(gained) > 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_peer_costs_the_honest_sites_about_a_point_at_most(attack: str) -> None:
    assert np.mean(changes(attack, under(attack))) > -LOSS.get(attack, 1)


@pytest.mark.parametrize("attack", ["flips labels", "floods"])
def test_who_harms_is_quarantined_by_most_and_hardly_anybody_else_is(attack: str) -> None:
    accused = [name for run in under(attack) for _, name in run.quarantined]
    assert accused.count(HOSTILE) >= 20
    assert len(accused) - accused.count(HOSTILE) <= 3


def test_without_a_hostile_peer_hardly_anybody_is_quarantined() -> None:
    assert sum(len(without(seed).quarantined) for seed in SEEDS) <= 2
