"""What the privacy figures say of releases that leak, and of some that do not."""

from statistics import median

import numpy as np
import pytest

from grandrounds.privacy import departed, of_run, of_site
from grandrounds.privacy.membership import (
    auc,
    by_distance,
    by_distance_in_class,
    found_at,
)
from grandrounds.privacy.nearness import nearness
from grandrounds.privacy.parts import HELD_OUT, NEITHER, TRAINED, membership
from grandrounds.results import Privacy
from grandrounds_client.site import split_rows
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.schema import Rules
from tests.deploy.privacy.made import RUN, draw, site, that_released

RULES = Rules(seed=3)


def test_membership_names_the_rows_of_the_split() -> None:
    north = site()
    parts, split = membership(north, RULES), split_rows(north, RULES)
    assert np.array_equal(north.rows.x[parts == TRAINED], split.train.x)
    assert np.array_equal(north.rows.x[parts == HELD_OUT], split.held_out.x)
    assert np.array_equal(north.rows.x[parts == NEITHER], split.validation.x)


def test_a_release_of_the_training_rows_is_told_as_what_it_is() -> None:
    north = site()
    train = split_rows(north, RULES).train
    found = of_site(that_released(north, train.x, train.y), RUN, RULES)
    assert found.released == found.exact_copies == len(train)
    assert found.nearer_than_holdout_p05 == 1
    assert found.membership_auc == 1


def test_a_release_of_strangers_tells_nothing() -> None:
    north = site()
    rng = np.random.default_rng(9)
    aucs: list[float] = []
    nears: list[float] = []
    for _ in range(10):
        x, y = draw(200, rng), rng.integers(0, 2, 200).astype(np.int32)
        found = of_site(that_released(north, x, y), RUN, RULES)
        assert found.exact_copies == 0
        aucs.append(found.membership_auc or 0)
        nears.append(found.nearer_than_holdout_p05 or 0)
    assert median(nears) < 0.12
    # the largest of three attacks, folded: noise alone lifts it a little above a half
    assert 0.5 <= median(aucs) < 0.57


def test_rows_that_shun_every_training_row_tell_of_them_too() -> None:
    # a gate that pushes rows away from patients leaves holes where they are
    north = site()
    split, rng = split_rows(north, RULES), np.random.default_rng(2)
    x = draw(20_000, rng)
    far = by_distance(x, split.train.x) < -0.25
    y = rng.integers(0, 2, int(far.sum())).astype(np.int32)
    found = of_site(that_released(north, x[far], y), RUN, RULES)
    assert found.nearer_than_holdout_p05 == 0
    assert found.membership_auc is not None
    assert found.membership_auc > 0.9


def test_rows_far_away_that_keep_a_patients_numbers_tell_of_the_patient() -> None:
    # another category is a distance of 2, and the release gate asks for .5
    north = site()
    split = split_rows(north, RULES)
    x = split.train.x.copy()
    x[:, 3:] = np.roll(x[:, 3:], 1, axis=1)
    x[:, 2] = 1 - x[:, 2]
    found = of_site(that_released(north, x, 1 - split.train.y), RUN, RULES)
    assert found.exact_copies == 0
    assert found.nearer_than_holdout_p05 is not None
    assert found.nearer_than_holdout_p05 < 0.1
    assert found.membership_auc == 1


def test_a_site_that_released_nothing_has_counts_and_no_shares() -> None:
    north = site()
    nothing = np.zeros((0, 6), np.float32), np.zeros(0, np.int32)
    expected = Privacy(released=0, exact_copies=0)
    assert of_site(that_released(north, *nothing), RUN, RULES) == expected
    assert of_site(north, RUN, RULES) == expected


def test_a_row_sent_to_two_peers_or_in_two_rounds_is_one_row() -> None:
    north = site()
    x, y = draw(5, np.random.default_rng(1)), np.zeros(5, np.int32)
    once = that_released(north, x, y)
    again = that_released(once, np.concatenate([x, x[:1] / 2]), np.zeros(6, np.int32), number=2)
    assert len(departed.rows(once, RUN)) == 5
    assert len(departed.rows(again, RUN)) == 6


def test_alike_counts_features_that_equal_one_patients() -> None:
    north = site()
    split = split_rows(north, RULES)
    x = split.train.x.copy()
    x[:, 0] = 1 - x[:, 0]  # three of four features are still the patient's
    released = VirtualInstances(x, split.train.y, split.train.y)
    found = nearness(north, split, released)
    assert found.exact_copies == 0
    assert found.alike == 1
    strangers = VirtualInstances(
        draw(100, np.random.default_rng(4)), np.zeros(100, np.int32), np.zeros(100, np.int32)
    )
    assert nearness(north, split, strangers).alike == 0


def test_the_run_takes_the_worst_site_but_not_one_of_a_handful_of_rows() -> None:
    sites = {
        "few": Privacy(released=19, exact_copies=1, nearer_than_holdout_p05=1, membership_auc=0.9),
        "many": Privacy(released=57, exact_copies=2, nearer_than_holdout_p05=0, membership_auc=0.6),
        "none": Privacy(released=0, exact_copies=0),
    }
    assert of_run(sites) == Privacy(
        released=76, exact_copies=3, nearer_than_holdout_p05=0.25, membership_auc=0.6
    )
    empty = of_run({"none": sites["none"]})
    assert empty == Privacy(released=0, exact_copies=0)


def test_the_run_has_the_largest_epsilon_of_a_site_and_none_where_one_has_none() -> None:
    north = Privacy(epsilon=1, noise="simulated", budget=3, released=5)
    south = Privacy(epsilon=2, noise="simulated", budget=9, released=5)
    silent = Privacy(released=0)
    run = of_run({"north": north, "south": south, "silent": silent})
    assert (run.epsilon, run.noise, run.budget) == (2, "simulated", None)
    unbound = of_run({"north": north, "south": Privacy(released=5)})
    assert (unbound.epsilon, unbound.noise) == (None, None)
    assert of_run({"silent": silent}).epsilon is None


def test_in_class_a_neighbour_of_another_class_does_not_count() -> None:
    x = np.array([[0.1], [0.9]], np.float32)
    left = np.array([[0.1], [0.8]], np.float32)
    y = np.zeros(2, np.int32)
    released = VirtualInstances(left, np.array([1, 0], np.int32), y)
    assert by_distance(x, left) == pytest.approx([0, -0.1])
    assert by_distance_in_class(x, y, released) == pytest.approx([-0.7, -0.1])


def test_auc_counts_ties_half_and_needs_both_sides() -> None:
    scores, member = np.array([3.0, 2, 2, 1]), np.array([True, True, False, False])
    assert auc(scores, member) == pytest.approx(3.5 / 4)
    assert auc(scores, np.ones(4, np.bool_)) is None
    assert found_at(scores, member) == 0.5
    assert found_at(np.zeros(4), member) == 0


def test_one_false_positive_in_a_hundred_is_allowed() -> None:
    scores = np.concatenate([np.full(10, 5.0), [9.0], np.zeros(99)])
    member = np.arange(110) < 10
    assert found_at(scores, member) == 1
    assert found_at(scores[:-1], member[:-1]) == 0
