"""A teacher's lessons, written: one counterfactual for each seed."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Mask
from grandrounds_client.counterfactuals import Counterfactuals, Engine, find, joined
from grandrounds_client.recipes import Lessons
from grandrounds_client.split import Examples
from grandrounds_client.teacher import Teacher
from grandrounds_client.variation import movable_columns
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Rules


def write(
    lessons: Lessons,
    teacher: Teacher,
    train: Examples,
    *,
    layout: Layout,
    rules: Rules,
    engine: str | Engine,
    make_rng: Callable[[], np.random.Generator],
) -> Counterfactuals:
    """Write a counterfactual for each seed of the lessons, in their order.

    Parameters
    ----------
    lessons : Lessons
    teacher : Teacher
        Who writes them.
    train : Examples
        The site's training rows: of images, only what varies most in a class may move.
    layout : Layout
    rules : Rules
        For alpha and epsilon.
    engine : str or Engine
        Where the named one does not fit the teacher, the automatic one is taken.
    make_rng : callable
        Makes the engine's generator, anew for each class of images.
    """
    found = [
        (
            rows,
            find(
                teacher,
                lessons.x[rows],
                lessons.y[rows],
                rng=make_rng(),
                alpha=rules.alpha,
                epsilon=rules.epsilon,
                engine=engine,
                fallback=True,  # in a round of many kinds of models no one engine fits all
                layout=layout if lessons.valid else None,
                movable=movable,
            ),
        )
        for rows, movable in _movable(lessons, train, layout)
    ]
    order = np.argsort(np.concatenate([rows for rows, _ in found]), kind="stable")
    return joined([part for _, part in found]).take(order)


def _movable(
    lessons: Lessons, train: Examples, layout: Layout
) -> Iterator[tuple[npt.NDArray[np.intp], Mask | None]]:
    """Lessons that share the columns that may move: all, or for images those of a class."""
    if not layout.images:
        yield np.arange(len(lessons.y)), None
        return
    for label in np.unique(lessons.y):
        movable = movable_columns(train.x[train.y == label], layout)
        yield np.flatnonzero(lessons.y == label), movable
