"""What a worker's process answers is checked once more at the site: its model may have taken it."""

from collections.abc import Sequence

import numpy as np
import pytest

from grandrounds_client.arrays import Mask, Probabilities, Rows
from grandrounds_client.counterfactuals import find
from grandrounds_client.teacher import Teacher
from grandrounds_client.worker import Worker, remote_teacher
from grandrounds_client.worker.memory import Array
from grandrounds_client.worker.requests import Done, Find, Load, Loaded, Predict, Unknown
from grandrounds_protocol.errors import BadModel

WIDTH, CLASSES = 4, 2
ROWS: Rows = np.full((6, WIDTH), 0.25, np.float32)
LABELS = np.ones(6, np.int32)


class Taken(Worker):
    """Answer as a process would that a model has taken over: in form, and as it likes."""

    def __init__(self, probabilities: Probabilities, moved: Rows) -> None:
        super().__init__()
        self.probabilities, self.moved = probabilities, moved

    def ask(
        self,
        request: Load | Predict | Find,
        arrays: Sequence[Array],  # noqa: ARG002 (what it is asked about matters nothing)
        rows: int,
    ) -> tuple[Loaded | Done | Unknown, list[Array]]:
        if isinstance(request, Load):
            return Loaded(columns=WIDTH), [np.arange(WIDTH)]
        if isinstance(request, Predict):
            return Done(), [self.probabilities]
        figures = np.zeros(rows, np.float32)
        return Done(), [self.moved, figures, figures, figures, np.ones(rows, np.bool_)]


def taken(*, said: float = 0.5, column: int = 0, value: float = 0.75) -> Teacher:
    """Return a teacher whose process says one number, and moves one column of one row."""
    probabilities = np.full((6, CLASSES), 0.5, np.float32)
    probabilities[3, 1] = said
    moved = ROWS.copy()
    moved[2, column] = value
    worker = Taken(probabilities, moved)
    return remote_teacher(
        worker, b"any", name="south", algorithm="any", width=WIDTH, classes=CLASSES
    )


@pytest.mark.parametrize("said", [np.nan, np.inf, -np.inf, -0.1, 1.1])
def test_an_answer_that_is_no_probability_is_refused(said: float) -> None:
    assert (taken().predict_proba(ROWS) == 0.5).all()
    with pytest.raises(BadModel, match="not in 0 to 1"):
        taken(said=said).predict_proba(ROWS)


def found(teacher: Teacher, movable: Mask) -> Rows:
    return find(teacher, ROWS, LABELS, rng=np.random.default_rng(0), movable=movable).x


def test_a_process_moves_no_column_that_may_not_move() -> None:
    movable = np.array([True, True, True, False])
    assert found(taken(column=0), movable)[2, 0] == 0.75
    with pytest.raises(BadModel, match="moved what may not move"):
        found(taken(column=3), movable)


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1])
def test_a_process_moves_nothing_out_of_the_box(value: float) -> None:
    with pytest.raises(BadModel, match="moved what may not move"):
        found(taken(value=value), np.ones(WIDTH, np.bool_))
