"""The whole gate: what leaves, what stays, and what is said about it."""

from dataclasses import replace

import numpy as np

from grandrounds_client.arrays import Rows
from grandrounds_client.gate import House, Lot, Released, gate
from grandrounds_client.gate.filters import copies
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadModel
from tests.client.asking import Make
from tests.client.gate.conftest import Patients


def lot(patients: Patients, teacher: Teacher, students: int = 3, rows: int = 120) -> Lot:
    x = patients.train[:rows]
    y = teacher.predict_proba(x).argmax(axis=1).astype(np.int32)
    return Lot(teacher, x, x, y, np.ones((rows, students), np.bool_))


def passed(
    lots: list[Lot], house: House, quota: int = 1000, min_rows: int = 10, seed: int = 0
) -> Released:
    rng = np.random.default_rng(seed)
    return gate(lots, house, quota=quota, min_rows=min_rows, rng=rng)


def test_no_copy_leaves_and_no_more_that_is_near_than_strangers_are(
    patients: Patients, tree: Teacher, logistic: Teacher
) -> None:
    house = patients.house()
    released = passed([lot(patients, tree), lot(patients, replace(logistic, name="south"))], house)
    assert [left.teacher.name for left in released.lots] == ["north", "south"]
    for left in released.lots:
        assert not copies(left.x, house).any()
        distance = house.neighbours.nearest(left.x)
        assert (distance < house.percentile).mean() <= 0.05
        assert left.students.any(axis=1).all()


def test_every_lesson_is_counted_once(patients: Patients, tree: Teacher) -> None:
    given = lot(patients, tree)
    released = passed([given], patients.house(), quota=40)
    counts = released.passages.teachers["north"]
    assert counts.written == given.students.sum() == 360
    assert counts.released == sum(int(left.students.sum()) for left in released.lots) == 120
    assert counts.released + sum(counts.refused.values()) == counts.written
    assert counts.pushed == counts.released
    assert counts.refused["quota"] > 0


def test_lessons_that_their_teacher_takes_back_are_counted_as_such(
    patients: Patients, tree: Teacher
) -> None:
    known = {row.tobytes() for row in patients.train}

    def sure_of_patients_only(x: Rows) -> Rows:
        mine = np.array([[row.tobytes() in known] for row in x])
        found: Rows = np.where(mine, tree.predict_proba(x), np.float32(0.5))
        return found

    given = replace(lot(patients, tree), teacher=replace(tree, predict_proba=sure_of_patients_only))
    counts = passed([given], patients.house()).passages.teachers["north"]
    assert counts.released == 0
    assert counts.refused["teacher disagrees"] > 300
    assert sum(counts.refused.values()) == counts.written


def test_a_row_for_nobody_is_as_if_it_were_not_there(patients: Patients, tree: Teacher) -> None:
    given = lot(patients, tree)
    given.students[60:] = False
    one, two = (passed([each], patients.house()) for each in (given, lot(patients, tree, rows=60)))
    assert one.passages == two.passages
    assert one.lots[0].x.tobytes() == two.lots[0].x.tobytes()


def test_small_cells_are_suppressed(patients: Patients, tree: Teacher) -> None:
    given = lot(patients, tree)
    of_one = np.flatnonzero(given.y == 1)
    given.students[of_one[9:], 2] = False
    released = passed([given], patients.house())
    (left,) = released.lots
    assert not left.students[left.y == 1, 2].any()
    assert left.students[left.y == 0, 2].any()
    assert left.students[left.y == 1, 1].any()
    assert 0 < released.passages.teachers["north"].refused["small cell"] <= 9
    assert "small cell" not in released.passages.ranges().teachers["north"].refused


def test_one_teacher_cannot_flood_a_student(patients: Patients, tree: Teacher) -> None:
    (left,) = passed([lot(patients, tree)], patients.house(), quota=20).lots
    for student in range(3):
        assert np.bincount(left.y[left.students[:, student]]).tolist() == [10, 10]
    (same,) = passed([lot(patients, tree)], patients.house(), quota=20).lots
    assert same.x.tobytes() == left.x.tobytes()


def test_what_others_hear_are_ranges(patients: Patients, tree: Teacher) -> None:
    passages = passed([lot(patients, tree)], patients.house()).passages
    said = passages.ranges().teachers["north"]
    assert said.released == "200-499"
    assert set(said.refused) == {
        *("exact copy", "too near", "too alike"),
        *("teacher disagrees", "quota"),
    }
    assert said.refused["quota"] == "0-9"
    exact = str(passages.teachers["north"].released)
    assert exact not in passages.ranges().model_dump_json()


def repeating(patients: Patients) -> House:
    train = np.concatenate([patients.train, patients.validation[:10]])
    return House(train, patients.validation, patients.house().columns, patients.layout)


def test_a_site_whose_rows_repeat_releases_nothing_that_began_with_a_patient(
    patients: Patients, tree: Teacher
) -> None:
    house = repeating(patients)
    assert house.closed
    released = passed([lot(patients, tree)], house)
    assert released.lots == []
    said = released.passages.ranges()
    assert said.closed == "this site's rows cannot tell what is too near a patient"
    assert said.teachers == {}
    assert not any(letter.isdigit() for letter in said.closed)


def test_a_site_of_three_rows_completes_and_releases_nothing(
    patients: Patients, tree: Teacher
) -> None:
    house = House(patients.train[:3], patients.train[:0], np.arange(25), patients.layout)
    assert house.closed
    assert passed([lot(patients, tree, rows=3)], house).lots == []
    with_one = replace(house, validation=patients.validation[:1])
    assert passed([lot(patients, tree, rows=3)], with_one).lots == []


def test_rows_are_patients_unless_site_toml_says_otherwise(settings: Make) -> None:
    assert settings().patients
    assert not settings(patients=False).patients


def test_no_lessons_pass_as_none(patients: Patients, tree: Teacher) -> None:
    given = lot(patients, tree)
    given.students[:] = False
    released = passed([given], patients.house())
    assert released.lots == []
    assert released.passages.teachers["north"].written == 0


def test_a_teacher_that_fails_while_rows_are_pushed_costs_its_own_lessons_only(
    patients: Patients, tree: Teacher
) -> None:
    known = {row.tobytes() for row in patients.train}

    def fails_elsewhere(x: Rows) -> Rows:
        if not all(row.tobytes() in known for row in x):
            raise BadModel("the model failed")
        return tree.predict_proba(x)

    hostile = replace(tree, name="south", predict_proba=fails_elsewhere)
    released = passed([lot(patients, hostile), lot(patients, tree)], patients.house())
    assert released.failed == {"south": "BadModel"}
    assert [left.teacher.name for left in released.lots] == ["north"]
