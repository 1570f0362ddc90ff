"""A private map as marks: once coloured by class, once by teacher."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds.report.private_map import OWN, PrivateMap

SIDE = 400
"""Width and height of a map, in its own units."""
_EDGE = 10
SHAPES = ("circle", "square", "triangle", "diamond", "cross")
COLOURS = 8


@dataclass(frozen=True)
class Group:
    """Marks that look alike. Shape and colour repeat at different steps: 40 differ."""

    name: str
    own: bool
    colour: int
    shape: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Scatter:
    """One map."""

    key: str
    title: str
    groups: tuple[Group, ...]


def scatters(
    found: PrivateMap, classes: tuple[str, ...], members: tuple[str, ...]
) -> list[Scatter]:
    """Lay out the two maps; own rows are drawn last, on top."""
    own = found.teacher == OWN
    by_class = [
        _group(found, mask & (found.y == label), name, own=mine, at=label)
        for mine, mask in ((False, ~own), (True, own))
        for label, name in enumerate(classes)
    ]
    by_teacher = [
        *(
            _group(found, found.teacher == teacher, name, own=False, at=teacher)
            for teacher, name in enumerate(members)
        ),
        _group(found, own, "own rows", own=True, at=OWN),
    ]
    return [
        Scatter("class", "By class", tuple(group for group in by_class if group.points)),
        Scatter("teacher", "By teacher", tuple(group for group in by_teacher if group.points)),
    ]


def _group(
    found: PrivateMap, mask: npt.NDArray[np.bool_], name: str, *, own: bool, at: int
) -> Group:
    return Group(
        name=name,
        own=own,
        colour=at % COLOURS if at != OWN else OWN,
        shape=SHAPES[at % len(SHAPES)] if at != OWN else SHAPES[0],
        points=tuple(_place(xy) for xy in found.xy[mask].tolist()),
    )


def _place(xy: list[float]) -> tuple[float, float]:
    inner = SIDE - 2 * _EDGE
    return round(_EDGE + inner * xy[0], 1), round(SIDE - _EDGE - inner * xy[1], 1)
