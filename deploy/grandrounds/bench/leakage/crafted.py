"""A hostile peer's model that asks which rows are in a site's file.

The peer guesses records. Its model is right, and sure, in a small region around each guess,
and says one other class everywhere else. So a lesson about a guessed row can only come back
if the row is among the site's training rows: present or missing is the answer. A second
peer, its accomplice, gets everything wrong, so that lessons are written for it; both tell
each other what they receive.

All guesses are asked in one model: a cell of lessons too small to leave the house is then
no obstacle, as members stand for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx

from grandrounds import unsealed
from grandrounds.privacy import departed
from grandrounds.privacy.membership import Scores
from grandrounds_client.arrays import Columns, Labels, Mask, Probabilities, Rows
from grandrounds_client.gate.alike import raw_features
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.network import network
from grandrounds_client.learners.tree_nodes import WrittenTree, ensemble_node
from grandrounds_client.release import card, export
from grandrounds_client.site import Site
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import (
    DistillOrder,
    Heading,
    InstructionBody,
    Order,
    PublishOrder,
)
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Rules

HALF = 2.0**-13
"""Half the width of a region in each column it is bounded in: less than any two values differ."""
RUN = "crafted"


@dataclass(frozen=True)
class Regions:
    """Around each guess a box, in some of the site's own columns; free in the others.

    Attributes
    ----------
    x : float32 [n, d]
        Guesses, on the site's own columns.
    y : int32 [n]
    bounded : int64 [b]
        Columns in which the boxes are narrow, among those d.
    """

    x: Rows
    y: Labels
    bounded: Columns


def ask(site: Site, rules: Rules, members: Sequence[str], *, whole: bool) -> Scores | None:
    """Ask a site about each row of its file; score 1 where a lesson about it came back.

    Parameters
    ----------
    site : Site
        Its store is left alone.
    rules : Rules
    members : sequence of str
        Of the federation; the first two others are hostile.
    whole : bool
        Whether a region is narrow in every column, or in numbers only: then the release
        gate can push a lesson away from the patient without leaving the region.

    Returns
    -------
    float64 [N] or None
        None where there are fewer than two peers, or nothing to bound.
    """
    peers = [name for name in members if name != site.name][:2]
    bounded = np.arange(len(site.columns)) if whole else _numbers(site)
    if len(peers) < 2 or not len(bounded):
        return None
    regions = Regions(site.rows.x[:, site.columns], site.rows.y, bounded)
    scores = np.zeros(len(site.rows.y))
    for base in _bases(site.rows.y):
        back = _lessons(site, rules, members, peers, base=base, regions=regions)
        asked = (site.rows.y != base) & (scores == 0)
        scores[asked] = _came_back(regions, back, site.columns)[asked]
    return scores


def _bases(y: Labels) -> list[int]:
    """Two classes, either of which a model can say outside its regions: each row is asked about."""
    labels, counts = np.unique(y, return_counts=True)
    return [int(label) for label in labels[np.argsort(-counts, kind="stable")][:2]]


def _numbers(site: Site) -> Columns:
    """Own columns that hold numbers or levels."""
    kinds = raw_features(site.columns, site.layout)
    return np.array([part.start for kind, part in kinds if kind >= 0], np.int64)


def _lessons(
    site: Site,
    rules: Rules,
    members: Sequence[str],
    peers: Sequence[str],
    *,
    base: int,
    regions: Regions,
) -> VirtualInstances:
    """What the site writes with the crafted model for the accomplice."""
    chosen = regions.y != base
    narrow = replace(regions, x=regions.x[chosen], y=regions.y[chosen])
    nowhere = replace(regions, x=regions.x[:0], y=regions.y[:0])
    models = [Crafted(asks, base, site.classes) for asks in (narrow, nowhere)]
    return taught(site, rules, members, dict(zip(peers, models, strict=True)))


def taught(
    site: Site, rules: Rules, members: Sequence[str], models: Mapping[str, Fitted]
) -> VirtualInstances:
    """Return what a site writes with the first of two peers' models, as it leaves the house.

    Parameters
    ----------
    site : Site
        Its store is left alone.
    rules : Rules
    members : sequence of str
    models : mapping of str to Fitted
        By peer; for the second, which is wrong where the first is right, lessons are written.
    """
    asked = replace(site, store={})
    _put(asked, rules, members, PublishOrder(schema_digest=site.federation.digest()), ())
    parcels = [
        Parcel("release", peer, (site.name,), _release(site, peer, model))
        for peer, model in models.items()
    ]
    _put(asked, rules, members, DistillOrder(), parcels)
    left = departed.lessons(asked, RUN)
    return left.take(left.teacher == members.index(next(iter(models))))


def _put(
    site: Site, rules: Rules, members: Sequence[str], order: Order, parcels: Sequence[Parcel]
) -> None:
    heading = Heading(run=RUN, round=1, phase=order.phase, site=site.name)
    body = InstructionBody(heading=heading, sites=tuple(members), rules=rules, order=order)
    unsealed.asked(site, Instruction(body, tuple(parcels)))


def _release(site: Site, peer: str, model: Fitted) -> bytes:
    said = card(
        peer,
        "decision tree",
        (feature.name for feature in site.federation.features),
        site.federation.class_names,
        rows=100,
        validation=None,
    )
    return ModelRelease(said, export(model, site.columns, site.layout.width)).to_bytes()


def _came_back(regions: Regions, lessons: VirtualInstances, columns: Columns) -> Mask:
    """Whether a lesson of its class lies in the region of each guess, bool [n]."""
    found = np.zeros(len(regions.y), np.bool_)
    bounded = lessons.x[:, columns][:, regions.bounded]
    for at, (row, label) in enumerate(zip(regions.x[:, regions.bounded], regions.y, strict=True)):
        inside = (np.abs(bounded - row) <= HALF).all(axis=1)
        found[at] = bool((inside & (lessons.y == label)).any())
    return found


@dataclass(frozen=True)
class Crafted:
    """A tree that says a guess's class in its region, and `base` everywhere else."""

    regions: Regions
    base: int
    classes: int

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, d]."""
        found = np.full(len(x), self.base)
        for row, label in zip(self.regions.x, self.regions.y, strict=True):
            apart = np.abs(x - row)[:, self.regions.bounded]
            found[(apart <= HALF).all(axis=1)] = label
        sure: Probabilities = np.eye(self.classes, dtype=np.float32)[found]
        return sure

    def to_onnx(self) -> onnx.ModelProto:
        """Return one tree."""
        node = ensemble_node([_written(self)])
        return network([node], {}, columns=self.regions.x.shape[1], classes=self.classes)


@dataclass(frozen=True)
class _Node:
    """A split, or a leaf where `feature` is -1."""

    feature: int
    threshold: float
    left: int
    right: int
    label: int


def _written(model: Crafted) -> WrittenTree:
    nodes: list[_Node] = []
    _grow(nodes, model, np.arange(len(model.regions.y)), list(model.regions.bounded))
    feature, left, right, label = (
        np.array([getattr(node, name) for node in nodes], np.int64)
        for name in ("feature", "left", "right", "label")
    )
    return WrittenTree(
        left=left,
        right=right,
        feature=feature,
        threshold=np.array([node.threshold for node in nodes]),
        leaf=feature < 0,
        scores=np.eye(model.classes, dtype=np.float32)[label],
    )


def _grow(
    nodes: list[_Node], model: Crafted, rows: npt.NDArray[np.intp], columns: list[int]
) -> int:
    """Append what tells the regions of `rows` apart in `columns`; return its first node."""
    if not len(rows) or not columns:
        label = int(model.regions.y[rows[-1]]) if len(rows) else model.base
        nodes.append(_Node(-1, 0.0, 0, 0, label))
        return len(nodes) - 1
    values = model.regions.x[rows, columns[0]].astype(np.float64)
    return _search(nodes, model, rows, columns, values)


def _search(
    nodes: list[_Node],
    model: Crafted,
    rows: npt.NDArray[np.intp],
    columns: list[int],
    values: npt.NDArray[np.float64],
) -> int:
    """Search for a row's value by halves; between two values of guesses lies `base`."""
    known = np.unique(values)
    if len(known) == 1:
        return _interval(nodes, model, rows, columns, float(known[0]))
    middle = float(known[len(known) // 2 - 1 : len(known) // 2 + 1].mean())
    at = len(nodes)
    nodes.append(_Node(columns[0], middle, 0, 0, 0))
    low = values <= middle
    left = _search(nodes, model, rows[low], columns, values[low])
    right = _search(nodes, model, rows[~low], columns, values[~low])
    nodes[at] = replace(nodes[at], left=left, right=right)
    return at


def _interval(
    nodes: list[_Node],
    model: Crafted,
    rows: npt.NDArray[np.intp],
    columns: list[int],
    value: float,
) -> int:
    at = len(nodes)
    nodes.append(_Node(columns[0], value + HALF, 0, 0, 0))
    nodes.append(_Node(columns[0], value - HALF, 0, 0, 0))
    nothing = _grow(nodes, model, rows[:0], [])
    inside = _grow(nodes, model, rows, columns[1:])
    nodes[at + 1] = replace(nodes[at + 1], left=nothing, right=inside)
    outside = _grow(nodes, model, rows[:0], [])
    nodes[at] = replace(nodes[at], left=at + 1, right=outside)
    return at
