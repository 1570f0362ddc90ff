"""A site's own and virtual rows on one plane. Private: own rows are patients."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds.report.embedding import MOST, Method, Plane, embed
from grandrounds_client import state as kept
from grandrounds_client.arrays import Labels
from grandrounds_client.site import Site, split_rows
from grandrounds_client.state import State
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator

OWN = -1
"""In place of a teacher's index: the row is the site's own."""


@dataclass(frozen=True)
class PrivateMap:
    """Positions of rows; never part of a `Story`.

    Attributes
    ----------
    xy : float64 [n, 2]
    y, teacher : int32 [n]
        Class, and index of the teacher or `OWN`.
    own, virtual : int
        Rows there are; fewer may be drawn.
    """

    method: Method
    explained: float | None
    xy: Plane
    y: Labels
    teacher: npt.NDArray[np.int32]
    own: int
    virtual: int


def private_map(
    site: Site, run: str, rules: Rules, members: tuple[str, ...], method: Method
) -> PrivateMap:
    """Map the rows a site trains on and the virtual rows it received, as its model sees them."""
    own = split_rows(site, rules).train
    virtual = _received(site, State(site.store, run), rules, len(members))
    rng = generator(rules.seed, site.name, "map")
    mine = _some(len(own), MOST[method] // 2, rng)
    theirs = _some(len(virtual), MOST[method] // 2, rng)
    x = np.concatenate([own.x[mine], virtual.x[theirs]])[:, site.columns]
    placed = embed(x, method, rules.seed)
    return PrivateMap(
        method=method,
        explained=placed.explained,
        xy=placed.xy,
        y=np.concatenate([own.y[mine], virtual.y[theirs]]),
        teacher=np.concatenate([np.full(len(mine), OWN, np.int32), virtual.teacher[theirs]]),
        own=len(own),
        virtual=len(virtual),
    )


def _received(site: Site, state: State, rules: Rules, teachers: int) -> VirtualInstances:
    """Every virtual row that a candidate of some round was trained on, once."""
    bounds = Bounds(site.layout.width, site.classes, teachers)
    rounds = range(1, rules.rounds + 1)
    parts = [state.instances(kept.candidate_virtual(number), bounds) for number in rounds]
    return VirtualInstances.concatenate(parts, bounds.columns).distinct()


def _some(rows: int, most: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    chosen = np.arange(rows) if rows <= most else np.sort(rng.permutation(rows)[:most])
    return chosen.astype(np.intp)
