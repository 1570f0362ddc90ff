"""What lessons change on average, and how it is kept."""

import numpy as np
import pytest

from grandrounds_client.direction import Direction, from_bytes, to_bytes

BEFORE = np.array([[0.0, 0.5], [0.2, 0.5], [0.4, 0.5]], np.float32)
AFTER = np.array([[0.5, 0.5], [0.3, 0.4], [0.4, 0.1]], np.float32)
Y = np.array([0, 0, 2], np.int32)


@pytest.fixture
def direction() -> Direction:
    return Direction.of(BEFORE, AFTER, Y, 3)


def test_changes_are_summed_by_class(direction: Direction) -> None:
    assert direction.change == pytest.approx(np.array([[0.6, -0.1], [0, 0], [0, -0.4]]))
    assert direction.count.tolist() == [2, 0, 1]


def test_towards_a_class_is_its_mean_change_minus_that_of_all_others(direction: Direction) -> None:
    assert direction.towards(0) == pytest.approx(np.array([0.3, 0.35]))
    assert direction.towards(2) == pytest.approx(np.array([-0.3, -0.35]))


def test_without_lessons_of_the_class_or_of_the_others_there_is_no_direction(
    direction: Direction,
) -> None:
    assert direction.towards(1).tolist() == [0, 0]
    alone = Direction.of(BEFORE[:2], AFTER[:2], Y[:2], 3)
    assert alone.towards(0).tolist() == [0, 0]


def test_two_directions_add_up_to_that_of_all_their_lessons(direction: Direction) -> None:
    parts = Direction.of(BEFORE[:1], AFTER[:1], Y[:1], 3) + Direction.of(
        BEFORE[1:], AFTER[1:], Y[1:], 3
    )
    assert parts.change == pytest.approx(direction.change)
    assert parts.count.tolist() == direction.count.tolist()


def test_directions_are_read_back_by_student(direction: Direction) -> None:
    read = from_bytes(to_bytes({"north": direction, "south.2": direction + direction}))
    assert set(read) == {"north", "south.2"}
    assert np.array_equal(read["north"].change, direction.change)
    assert read["south.2"].count.tolist() == [4, 0, 2]
    assert from_bytes(to_bytes({})) == {}
