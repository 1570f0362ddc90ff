"""Rows are pushed away from the patients they began with, as far as their teacher agrees."""

from dataclasses import replace

import numpy as np
import pytest

from grandrounds.privacy.membership import auc, by_distance, by_equal_numbers, fold
from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.counterfactuals.projection import valid
from grandrounds_client.gate import House
from grandrounds_client.gate.crowd import Crowd
from grandrounds_client.gate.filters import Standing
from grandrounds_client.gate.push import Pushed, Writing, push
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Continuous, Image
from tests.client.counterfactuals.toy_teachers import draw_rows
from tests.client.gate.conftest import Patients

NUMBERS = slice(0, 10)


def copies(patients: Patients, teacher: Teacher, rows: int = 120) -> Writing:
    """What a teacher that is sure already writes: the patients themselves."""
    x = patients.train[:rows]
    return Writing(teacher, x, x, teacher.predict_proba(x).argmax(axis=1).astype(np.int32))


def pushed(patients: Patients, teacher: Teacher, house: House | None = None) -> Pushed:
    writing = copies(patients, teacher)
    return push(writing, house or patients.house(), 10, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["tree", "logistic"])
def test_copies_are_pushed_until_no_filter_refuses_them(
    patients: Patients, kind: str, request: pytest.FixtureRequest
) -> None:
    found = pushed(patients, request.getfixturevalue(kind))
    assert found.passes.mean() > 0.85
    assert valid(found.x[found.passes], patients.layout).all()
    assert ((found.x >= 0) & (found.x <= 1)).all()


@pytest.mark.parametrize("kind", ["tree", "logistic"])
def test_a_pushed_row_is_no_less_typical_of_its_class_than_its_seed(
    patients: Patients, kind: str, request: pytest.FixtureRequest
) -> None:
    teacher = request.getfixturevalue(kind)
    writing, found = copies(patients, teacher), pushed(patients, teacher)
    rows = np.flatnonzero(found.passes)
    after, before = (teacher.predict_proba(x)[rows] for x in (found.x, writing.seeds))
    y = writing.y[rows]
    at = np.arange(len(rows))
    assert (after[at, y] >= before[at, y] - 1e-6).all()
    assert (after.argmax(axis=1) == y).all()


def test_what_is_pushed_does_not_tell_who_it_began_with(patients: Patients, tree: Teacher) -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([patients.train[:120], draw_rows(patients.layout, 120, rng)])
    began = np.arange(240) < 120
    found = pushed(patients, tree)
    left = found.x[found.passes]
    for scores in (by_distance(x, left), by_equal_numbers(x[:, NUMBERS], left[:, NUMBERS])):
        told = auc(scores, began)
        assert told is not None
        assert fold(told) < 0.6


def test_a_row_keeps_no_more_of_its_seed_than_of_any_other(
    patients: Patients, tree: Teacher
) -> None:
    writing, found = copies(patients, tree), pushed(patients, tree)
    for label in (0, 1):
        rows = np.flatnonzero(found.passes & (writing.y == label))
        seeds, left = writing.seeds[rows], found.x[rows]
        distance = np.abs(left[:, None] - seeds[None]).sum(axis=2)
        rank = (distance < distance.diagonal()[:, None]).mean(axis=1)
        assert 0.4 < rank.mean() < 0.6


def test_rows_that_would_pass_as_they_are_are_pushed_as_well(
    patients: Patients, tree: Teacher
) -> None:
    strangers = draw_rows(patients.layout, 60, np.random.default_rng(2))
    y = tree.predict_proba(strangers).argmax(axis=1).astype(np.int32)
    writing = Writing(tree, patients.train[:60], strangers, y)
    found = push(writing, patients.house(), 10, np.random.default_rng(0))
    assert found.passes.any()
    assert (found.x[found.passes][:, NUMBERS] != strangers[found.passes][:, NUMBERS]).all()


def test_rows_are_judged_with_all_that_leave_and_not_draw_by_draw(
    patients: Patients, tree: Teacher
) -> None:
    def reluctant(x: Rows) -> Probabilities:
        """Agree to one draw in eight: each draw brings a few rows."""
        ill = np.where(np.floor(x[:, 0] * 1000) % 8 == 0, 0.9, 0.1).astype(np.float32)
        return np.stack([1 - ill, ill], axis=1)

    x, house = patients.train, patients.house()
    writing = Writing(replace(tree, predict_proba=reluctant), x, x, np.ones(len(x), np.int32))
    found = push(writing, house, 10, np.random.default_rng(0))
    near = Standing.of(found.x[found.passes], house).distance < house.percentile
    assert found.passes.mean() > 0.9
    # as many are near as strangers are: where hardly one was, patients would show
    assert 0.02 < near.mean() <= 0.05


def test_columns_nobody_reads_and_columns_of_others_are_drawn_anew_too(
    patients: Patients, tree: Teacher
) -> None:
    house = patients.house(columns=[*range(20), 22, 23])
    knows = replace(tree, columns=np.array([*range(5), *range(12, 25)]))
    writing = copies(patients, knows)
    found = push(writing, house, 10, np.random.default_rng(0))
    assert (found.x[found.passes] != writing.x[found.passes]).any(axis=0).all()


def test_what_fewer_rows_than_a_crowd_have_is_never_drawn(
    patients: Patients, tree: Teacher
) -> None:
    groups = patients.layout.one_hot_groups
    (level, levels), rare = patients.layout.ordinal_levels[0], groups[0].start
    writing = copies(patients, tree)
    x = writing.x.copy()
    x[:, groups[0]] = np.eye(groups[0].stop - rare)[1]
    x[:, level] = 0
    few = np.concatenate([np.flatnonzero(writing.y == label)[:9] for label in (0, 1)])
    x[few, groups[0]] = np.eye(groups[0].stop - rare)[0]
    x[few, level] = 1 / (levels - 1)
    x[few, 0] = 0  # a number that nine of each class lack
    found = push(replace(writing, x=x), patients.house(), 10, np.random.default_rng(0))
    left = found.x[found.passes]
    assert len(left) > 50
    assert not left[:, rare].any()
    assert not left[:, level].any()
    assert left[:, 0].all()
    again = push(replace(writing, x=x), patients.house(), 9, np.random.default_rng(0))
    left = again.x[again.passes]
    assert left[:, rare].any()
    assert left[:, level].any()
    assert not left[:, 0].all()


def test_a_category_or_level_that_each_has_alone_is_never_drawn(
    patients: Patients, tree: Teacher
) -> None:
    group, (level, levels) = patients.layout.one_hot_groups[0], patients.layout.ordinal_levels[0]
    writing = copies(patients, tree)
    chosen = np.concatenate([np.flatnonzero(writing.y == label)[:12] for label in (0, 1)])
    x, turn = writing.x[chosen], np.arange(24)
    x[:, group] = np.eye(group.stop - group.start)[turn % (group.stop - group.start)]
    x[:, level] = turn % levels / (levels - 1)
    few = Writing(tree, writing.seeds[chosen], x, writing.y[chosen])
    found = push(few, patients.house(), 10, np.random.default_rng(0))
    left = found.x[found.passes]
    assert len(left)
    assert not left[:, group].any()
    assert not left[:, level].any()


def test_no_number_is_drawn_between_what_is_missing_and_what_is_known(
    patients: Patients, tree: Teacher
) -> None:
    writing = copies(patients, tree)
    x = writing.x.copy()
    x[:, 0] = np.where(np.arange(len(x)) % 2, 0, 0.5 + x[:, 0] / 4)
    found = push(replace(writing, x=x), patients.house(), 10, np.random.default_rng(0))
    left = found.x[found.passes][:, 0]
    assert set(left < 0.5) == {True, False}
    assert not left[left < 0.5].any()


def test_a_number_most_rows_of_a_class_lack_is_missing(patients: Patients, tree: Teacher) -> None:
    writing = copies(patients, tree)
    x = writing.x.copy()
    x[9:, 0] = 0
    found = push(replace(writing, x=x), patients.house(), 10, np.random.default_rng(0))
    assert not found.x[found.passes][:, 0].any()


def test_a_class_of_fewer_rows_than_a_crowd_stays_in_the_house(
    patients: Patients, tree: Teacher
) -> None:
    writing = copies(patients, tree)
    kept = np.append(np.flatnonzero(writing.y == 0), np.flatnonzero(writing.y == 1)[:9])
    few = Writing(tree, writing.seeds[kept], writing.x[kept], writing.y[kept])
    found = push(few, patients.house(), 10, np.random.default_rng(0))
    assert (found.reason[-9:] == "small cell").all()
    assert found.passes[:-9].any()


def test_a_row_stays_in_the_house_where_the_teacher_never_agrees(patients: Patients) -> None:
    def only_patients(x: Rows) -> Rows:
        known = {row.tobytes() for row in patients.train}
        sure = np.array([row.tobytes() in known for row in x], np.float32)
        return np.stack([1 - sure, sure], axis=1)

    teacher = Teacher("south", "hostile", np.arange(25), 2, only_patients)
    assert (pushed(patients, teacher).reason == "teacher disagrees").all()


def test_the_same_generator_pushes_alike(patients: Patients, tree: Teacher) -> None:
    one, two = (pushed(patients, tree) for _ in "ab")
    assert one.x.tobytes() == two.x.tobytes()


def test_images_are_not_hidden_under_noise() -> None:
    layout = Layout((Image.model_validate({"kind": "image", "name": "scan", "shape": [4, 4]}),))
    images = np.random.default_rng(0).random((40, 16), np.float32)
    house = House(images[:30], images[30:], np.arange(16), layout)

    def anything(x: Rows) -> Rows:
        return np.full((len(x), 2), 0.5, np.float32)

    teacher = Teacher("south", "toy", np.arange(16), 2, anything)
    writing = Writing(teacher, images[:15], images[:15], np.zeros(15, np.int32))
    found = push(writing, house, 10, np.random.default_rng(0))
    assert not found.passes.any()
    assert (found.x == images[:15]).all()


@pytest.mark.parametrize("count", [10, 19, 40])
def test_a_value_that_one_patient_alone_has_is_never_reached_for(count: int) -> None:
    # a hostile teacher can give one patient's lesson a value above everybody else's
    layout = Layout((Continuous(name="x", low=0, high=1),))
    rows = np.linspace(0.1, 0.5, count, dtype=np.float32)[:, None]
    rows[-1] = 0.999
    drawn = Crowd.of(rows, layout, 10).draw(5000, np.random.default_rng(0))
    assert drawn.max() <= 0.5
    assert drawn.min() >= 0.1
    assert len(np.unique(drawn)) > 100
