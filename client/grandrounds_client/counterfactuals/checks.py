"""What `find` and its engines ask of their arguments before any work is done."""

import numpy as np
import torch

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout


def check_options(*, alpha: float, epsilon: float, margin: float, chunk: int) -> None:
    """Raise BadInput unless the numbers make sense."""
    for name, holds, allowed in (
        ("alpha", 0 <= alpha <= 1, "0..1"),
        ("epsilon", epsilon > 0, "above 0"),
        ("margin", 0 <= margin <= 1, "0..1"),
        ("chunk", chunk >= 1, "1 or more"),
    ):
        if not holds:
            raise BadInput(f"{name} is out of range", where=name, remedy=f"give a number {allowed}")


def check_seeds(teacher: Teacher, x: Rows, y: Labels, layout: Layout | None) -> None:
    """Raise BadInput unless seeds, labels, teacher and layout fit each other."""
    where = f"seeds for {teacher.name}"
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise BadInput("seeds and labels do not fit", where=where, remedy="pass x [N, D] and y [N]")
    if not ((x >= 0) & (x <= 1)).all():
        raise BadInput("seeds leave the unit box", where=where, remedy="encode the rows first")
    if not ((y >= 0) & (y < teacher.classes)).all():
        raise BadInput(
            "a label is not a class of the teacher", where=where, remedy="pass class indices"
        )
    width = x.shape[1] if layout is None else layout.width
    if x.shape[1] != width or (np.asarray(teacher.columns) >= x.shape[1]).any():
        raise BadInput(
            "seeds are narrower or wider than the feature space",
            where=where,
            remedy="encode the rows by the federation's layout",
        )


def gradients_of(teacher: Teacher, engine: str) -> torch.nn.Module:
    """Return the teacher's differentiable view, which `engine` cannot do without.

    Raises
    ------
    BadInput
        The teacher has none.
    """
    if teacher.differentiable is None:
        raise BadInput(
            f"the {engine} engine needs a teacher with gradients",
            where=f"the {teacher.algorithm} of {teacher.name}",
            remedy="choose the engine 'auto' or 'swarm'",
        )
    return teacher.differentiable
