"""Rows are pushed out of patients' neighbourhoods, as far as their teacher agrees."""

from dataclasses import replace

import numpy as np
import pytest

from grandrounds_client.arrays import Rows
from grandrounds_client.counterfactuals.projection import valid
from grandrounds_client.gate import House
from grandrounds_client.gate.filters import inspect
from grandrounds_client.gate.push import Pushed, Writing, push
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Image
from tests.client.gate.conftest import Patients


def copies(patients: Patients, teacher: Teacher) -> Writing:
    """What a teacher that is sure already writes: the patients themselves."""
    x = patients.train[:60]
    return Writing(teacher, x, x, teacher.predict_proba(x).argmax(axis=1).astype(np.int32))


def pushed(patients: Patients, teacher: Teacher, house: House | None = None) -> Pushed:
    writing = copies(patients, teacher)
    return push(writing, house or patients.house(), np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["tree", "logistic"])
def test_copies_are_pushed_until_no_filter_refuses_them(
    patients: Patients, kind: str, request: pytest.FixtureRequest
) -> None:
    teacher = request.getfixturevalue(kind)
    found = pushed(patients, teacher)
    assert (found.reason == "exact copy").all()
    assert found.passes.mean() > 0.7
    assert not inspect(found.x[found.passes], patients.house()).refused.any()
    assert valid(found.x, patients.layout).all()
    assert ((found.x >= 0) & (found.x <= 1)).all()


@pytest.mark.parametrize("kind", ["tree", "logistic"])
def test_a_pushed_row_is_no_less_typical_of_its_class_than_its_seed(
    patients: Patients, kind: str, request: pytest.FixtureRequest
) -> None:
    teacher = request.getfixturevalue(kind)
    writing, found = copies(patients, teacher), pushed(patients, teacher)
    after, before = teacher.predict_proba(found.x), teacher.predict_proba(writing.seeds)
    rows = np.arange(60)
    assert (after[rows, writing.y] >= before[rows, writing.y] - 1e-6).all()
    assert (after.argmax(axis=1) == writing.y).all()


def test_only_columns_that_the_teacher_reads_and_the_site_has_are_moved(
    patients: Patients, tree: Teacher
) -> None:
    house = patients.house(columns=[*range(20), 22, 23])
    knows = replace(tree, columns=np.array([*range(5), *range(12, 25)]))
    writing = copies(patients, knows)
    x = writing.x * np.isin(np.arange(25), house.columns)
    found = push(replace(writing, x=x, seeds=x), house, np.random.default_rng(0))
    assert found.passes.any()
    moved = (found.x != x).any(axis=0)
    assert moved[:5].any()
    assert not moved[5:12].any()
    assert not moved[[20, 21, 24]].any()


def test_a_row_whose_teacher_may_move_nothing_stays_in_the_house(
    patients: Patients, tree: Teacher
) -> None:
    found = pushed(patients, replace(tree, columns=np.zeros(0, np.int64)))
    assert not found.passes.any()
    assert (found.x == patients.train[:60]).all()


def test_a_row_stays_in_the_house_where_the_teacher_never_agrees(patients: Patients) -> None:
    def only_patients(x: Rows) -> Rows:
        known = {row.tobytes() for row in patients.train}
        sure = np.array([row.tobytes() in known for row in x], np.float32)
        return np.stack([1 - sure, sure], axis=1)

    teacher = Teacher("south", "hostile", np.arange(25), 2, only_patients)
    assert not pushed(patients, teacher).passes.any()


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
    writing = Writing(teacher, images[:5], images[:5], np.zeros(5, np.int32))
    found = push(writing, house, np.random.default_rng(0))
    assert not found.passes.any()
    assert (found.x == images[:5]).all()
