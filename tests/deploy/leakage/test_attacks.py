"""Each attack tells a release that leaks by construction from one that does not."""

from statistics import median

import numpy as np
import numpy.typing as npt
import pytest

from grandrounds.bench.leakage.canaries import plant
from grandrounds.bench.leakage.features import Features, of_rows
from grandrounds.bench.leakage.shadow import Shadows, learn
from grandrounds.bench.leakage.told import Told, Trial, told
from grandrounds.privacy.membership import auc
from grandrounds.privacy.parts import HELD_OUT, NEITHER, TRAINED, membership
from grandrounds_client.arrays import Rows
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.schema import Rules
from tests.deploy.privacy.made import draw, site

Parts = npt.NDArray[np.int8]


def trial(n: int, lift: float, rng: np.random.Generator) -> Trial:
    """Scores of members, lifted above those of others."""
    member = np.arange(n) % 2 == 0
    return Trial(rng.normal(size=n) + lift * member, member, (np.arange(n) % 3).astype(np.int32))


def of(trials: list[Trial], seed: int = 0) -> Told:
    found = told(trials, np.random.default_rng(seed))
    assert found is not None
    return found


def test_an_attack_that_knows_stands_above_what_chance_reaches() -> None:
    rng = np.random.default_rng(1)
    knows = of([trial(200, 2.0, rng) for _ in range(4)])
    assert knows.auc > 0.85
    assert knows.low > knows.chance_high
    assert knows.low <= knows.auc <= knows.high
    assert knows.found > 0.2


def test_an_attack_that_guesses_does_not() -> None:
    rng = np.random.default_rng(2)
    found = [of([trial(200, 0, rng) for _ in range(4)]) for _ in range(20)]
    assert sum(one.auc > one.chance_high for one in found) <= 3
    assert median(one.auc for one in found) < 0.55
    assert all(one.low <= 0.5 <= one.high for one in found if one.auc <= one.chance)
    assert all(0.5 <= one.chance <= one.chance_high for one in found)


def test_being_wrong_each_time_is_knowledge_and_being_wrong_at_times_is_not() -> None:
    rng = np.random.default_rng(3)
    wrong = of([trial(200, -2.0, rng) for _ in range(3)])
    assert wrong.auc > 0.85
    assert wrong.low > 0.75
    assert wrong.found > 0.2
    torn = of([trial(200, lift, rng) for lift in (-2.0, 2.0)])
    assert torn.auc < 0.6


def test_trials_without_members_say_nothing() -> None:
    empty = Trial(np.zeros(3), np.zeros(3, np.bool_), np.zeros(3, np.int32))
    assert told([empty], np.random.default_rng(0)) is None
    assert told([], np.random.default_rng(0)) is None


def released(x: Rows, y: npt.NDArray[np.int32]) -> VirtualInstances:
    return VirtualInstances(x, y, np.zeros(len(y), np.int32))


def shadow_runs(north: Site, seeds: range, *, leaks: bool) -> tuple[list[Features], list[Parts]]:
    """Features of all rows in runs that release rows moved far, or strangers."""
    tables: list[Features] = []
    parts: list[Parts] = []
    for seed in seeds:
        rules, rng = Rules(seed=seed), np.random.default_rng(seed)
        train = split_rows(north, rules).train
        x = train.x.copy() if leaks else draw(len(train), rng)
        # one category and one number are others: no row is near, and each is betrayed
        x[:, 3:] = np.roll(x[:, 3:], 1, axis=1)
        x[:, 2] = rng.random(len(x))
        tables.append(of_rows(north, north.rows.x, north.rows.y, released(x, train.y)))
        parts.append(membership(north, rules))
    return tables, parts


def shadow_aucs(*, leaks: bool) -> list[float]:
    north = site(120)
    tables, parts = shadow_runs(north, range(100, 106), leaks=leaks)
    attack = learn(Shadows(np.stack(tables), np.stack(parts)), seed=0)
    found = []
    for table, part in zip(*shadow_runs(north, range(6), leaks=leaks), strict=True):
        asked = part != NEITHER
        value = auc(attack.scores(table)[asked], part[asked] == TRAINED)
        assert value is not None
        found.append(value)
    return found


def test_shadow_runs_teach_what_betrays_a_member() -> None:
    assert min(shadow_aucs(leaks=True)) > 0.95


def test_shadow_runs_of_releases_that_tell_nothing_teach_nothing() -> None:
    assert 0.42 < median(shadow_aucs(leaks=False)) < 0.58


def test_a_shadow_run_does_not_learn_from_its_own_membership() -> None:
    # a row's usual look, taken from the run itself too, would be near its look where it was
    # held out: the forest would learn that near the usual means held out
    rng = np.random.default_rng(5)
    features = rng.normal(size=(4, 400, 1))
    half = np.repeat(np.array([TRAINED, HELD_OUT], np.int8), 200)
    parts = rng.permuted(np.tile(half, (4, 1)), axis=1)
    attack = learn(Shadows(features, parts), seed=0)
    attacked = rng.normal(size=(400, 1))
    out = (parts == HELD_OUT)[:, :, None]
    seen = out.any(axis=0)[:, 0]
    usual = (features * out).sum(axis=0)[seen] / out.sum(axis=0)[seen]
    unusual = np.abs(attacked[seen] - usual)[:, 0]
    assert abs(np.corrcoef(unusual, attack.scores(attacked)[seen])[0, 1]) < 0.25


def test_canaries_take_the_place_of_training_rows_only_and_stand_far_off() -> None:
    north, rules = site(), Rules(seed=4)
    with_them, canaries = plant(north, rules, np.random.default_rng(6))
    before, after = split_rows(north, rules), split_rows(with_them, rules)
    changed = (before.train.x != after.train.x).any(axis=1)
    assert changed.sum() == canaries.planted.sum() == 10
    planted = canaries.x[canaries.planted]
    assert {row.tobytes() for row in after.train.x[changed]} == {row.tobytes() for row in planted}
    assert np.array_equal(before.held_out.x, after.held_out.x)
    assert np.array_equal(before.validation.x, after.validation.x)
    assert sorted(canaries.y[canaries.planted]) == sorted(canaries.y[~canaries.planted])
    apart = np.abs(canaries.x[:, None] - north.rows.x[None]).sum(axis=2).min(axis=1)
    usual = np.abs(north.rows.x[:, None] - north.rows.x[None]).sum(axis=2)
    np.fill_diagonal(usual, 9)
    assert apart.min() > np.median(usual.min(axis=1))
    again = plant(north, rules, np.random.default_rng(6))[1]
    assert np.array_equal(again.x, canaries.x)


def test_canaries_are_valid_rows_on_own_columns() -> None:
    north = site()
    _, canaries = plant(north, Rules(), np.random.default_rng(7))
    assert (canaries.x[:, 3:].sum(axis=1) == 1).all()
    assert canaries.x.min() >= 0
    assert canaries.x.max() <= 1


@pytest.mark.parametrize("kept_out", [True, False])
def test_distance_tells_planted_canaries_where_training_rows_are_released(kept_out: bool) -> None:
    north, rules = site(), Rules(seed=4)
    with_them, canaries = plant(north, rules, np.random.default_rng(8))
    source = north if kept_out else with_them
    train = split_rows(source, rules).train
    seen = of_rows(north, canaries.x, canaries.y, released(train.x, train.y))
    value = auc(-seen[:, 0], canaries.planted)
    assert value is not None
    if kept_out:
        assert 0.2 < value < 0.8
    else:
        assert value == 1
