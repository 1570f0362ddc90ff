"""Which lessons a recipe writes."""

import numpy as np
import pytest

from grandrounds_client.recipes import (
    Classroom,
    Lessons,
    find_recipe,
    on_drawn_seeds,
    works_on_drawn_seeds,
)
from grandrounds_client.recipes.guarded import guarded
from grandrounds_client.recipes.paper import paper
from grandrounds_client.recipes.private import private
from grandrounds_protocol.errors import BadInput

# three models on four rows; rows 0, 1 are of class 0, rows 2, 3 of class 1
CORRECT = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [0, 1, 0, 0]], np.bool_)
Y = np.array([0, 0, 1, 1], np.int32)
SAYS = np.where(CORRECT ^ (Y == 1), 0.9, 0.1).astype(np.float32)
"""Probability of class 0."""
ROOM = Classroom(
    np.arange(4, dtype=np.float32)[:, None], Y, CORRECT, np.stack([SAYS, 1 - SAYS], axis=2)
)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_paper_teaches_exactly_what_the_teacher_knows_and_the_student_does_not() -> None:
    taught = {
        (lessons.teacher, int(student), int(row[0]))
        for lessons in paper(ROOM, rng())
        for row, students in zip(lessons.x, lessons.students, strict=True)
        for student in np.flatnonzero(students)
    }
    expected = {
        (i, j, n)
        for i in range(3)
        for j in range(3)
        for n in range(4)
        if CORRECT[i, n] and not CORRECT[j, n]
    }
    assert taught == expected


def test_paper_writes_each_row_once_per_teacher() -> None:
    for lessons in paper(ROOM, rng()):
        assert len(np.unique(lessons.x)) == len(lessons.x)


def test_a_teacher_with_nothing_to_teach_writes_nothing() -> None:
    assert [lessons.teacher for lessons in paper(ROOM, rng())] == [0, 1]


def test_guarded_levels_the_classes_and_teaches_everybody_else() -> None:
    lessons = guarded(ROOM, rng())
    assert [lesson.teacher for lesson in lessons] == [0, 1]
    for lesson in lessons:
        assert np.bincount(lesson.y).tolist() == [1, 1]
        assert not lesson.students[:, lesson.teacher].any()
        assert lesson.students.sum(axis=1).tolist() == [2, 2]


def test_guarded_leaves_out_a_teacher_that_knows_one_side_only() -> None:
    assert 2 not in [lessons.teacher for lessons in guarded(ROOM, rng())]


def test_guarded_never_seeds_with_a_row_the_teacher_gets_wrong() -> None:
    for seed in range(20):
        for lessons in guarded(ROOM, np.random.default_rng(seed)):
            rows = lessons.x[:, 0].astype(int)
            assert CORRECT[lessons.teacher, rows].all()


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"unknown recipe 'magic'") as caught:
        find_recipe("magic", "here")
    assert "guarded, paper, private" in str(caught.value)


# on drawn seeds: three models on three rows, the committee's label is 0, 1 and 2
SURE = np.array(
    [
        [[0.9, 0.1, 0.0], [0.3, 0.7, 0.0], [0.5, 0.1, 0.4]],
        [[0.8, 0.1, 0.1], [0.1, 0.9, 0.0], [0.1, 0.5, 0.4]],
        [[0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.3, 0.3, 0.4]],
    ],
    np.float32,
)
LABEL = np.array([0, 1, 2], np.int32)
DRAWN = Classroom(
    np.arange(3, dtype=np.float32)[:, None], LABEL, SURE.argmax(axis=2) == LABEL, SURE, drawn=True
)


def test_private_lets_the_member_most_sure_of_a_label_teach_it() -> None:
    one, two = private(DRAWN, rng())
    assert (one.teacher, one.x[:, 0].tolist(), one.y.tolist()) == (0, [0.0], [0])
    assert (two.teacher, two.x[:, 0].tolist(), two.y.tolist()) == (1, [1.0], [1])
    # models 0 and 1 would hear of one class only, which the other one teaches
    assert one.students.tolist() == two.students.tolist() == [[False, False, True]]


def test_private_teaches_a_student_equally_many_of_each_class_known_or_not() -> None:
    says = np.random.default_rng(1).dirichlet((2, 1), (3, 400)).astype(np.float32)
    y = says.mean(axis=0).argmax(axis=1).astype(np.int32)
    correct = says.argmax(axis=2) == y
    x = np.arange(400, dtype=np.float32)[:, None]
    got: list[list[int]] = [[], [], []]
    for lessons in private(Classroom(x, y, correct, says, drawn=True), rng()):
        assert not lessons.students[:, lessons.teacher].any()
        for student in range(3):
            got[student].extend(lessons.x[lessons.students[:, student], 0].astype(int).tolist())
    teacher = says[:, np.arange(400), y].argmax(axis=0)
    for student, rows in enumerate(got):
        rarer = ((y == 1) & (teacher != student)).sum()
        assert np.bincount(y[rows]).tolist() == [rarer, rarer]
        assert {True, False} == set(correct[student, rows].tolist())


def test_private_leaves_out_what_its_surest_member_calls_something_else() -> None:
    # of class 2 model 0 is as sure as anybody, and says class 0
    taught = [label for lesson in private(DRAWN, rng()) for label in lesson.y.tolist()]
    assert taught == [0, 1]


def test_private_writes_valid_rows_that_need_no_gate() -> None:
    assert all(lesson.valid and not lesson.from_rows for lesson in private(DRAWN, rng()))


def test_a_recipe_says_whether_it_works_on_drawn_seeds() -> None:
    def mine(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
        return []

    assert not works_on_drawn_seeds(mine)
    assert works_on_drawn_seeds(on_drawn_seeds(mine))
    assert works_on_drawn_seeds(private)
    assert not works_on_drawn_seeds(guarded)
