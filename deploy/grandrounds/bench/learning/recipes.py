"""A recipe as a contestant: each site writes, the gate holds back, each student lets in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from grandrounds.bench.learning.world import Lessons, World
from grandrounds_client.admission import admit
from grandrounds_client.arrays import Rows
from grandrounds_client.gate import House, Lot
from grandrounds_client.phases.classroom import Seen
from grandrounds_client.phases.outgoing import outgoing
from grandrounds_client.private import draw, release_of
from grandrounds_client.recipes import Lessons as Chosen
from grandrounds_client.recipes import find_recipe, works_on_drawn_seeds
from grandrounds_client.split import Examples
from grandrounds_client.teacher import Teacher
from grandrounds_client.weights import most_of
from grandrounds_client.writing import write
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.names import SiteName


@dataclass(frozen=True)
class Recipe:
    """A registered recipe, with or without the steps after it.

    Attributes
    ----------
    name : str
        Under the entry points `grandrounds.recipes`.
    moved : bool
        Whether CKD eq. 2 moves the seeds; without it (alpha = 0) students get the seeds.
    gated : bool
        Whether the release gate stands before what began with own rows.
    """

    name: str
    moved: bool = True
    gated: bool = True

    def __call__(self, world: World, _rng: np.random.Generator) -> Mapping[SiteName, Lessons]:
        """Return what each student lets in; draws are the product's own."""
        sent = {name: self._sent(world, name) for name in world.members}
        most = most_of(find_recipe(self.name, "bench learning"))
        return {name: replace(_let_in(world, name, sent), most=most) for name in world.students}

    def _sent(self, world: World, name: SiteName) -> dict[SiteName, VirtualInstances]:
        """Rows that a site writes, by student, itself included."""
        one, teachers = world.members[name], _teachers(world, name)
        lots: dict[bool, list[Lot]] = {True: [], False: []}
        for chosen, x in _written(world, name, self.name):
            rows = x if self.moved else chosen.x
            lot = Lot(teachers[chosen.teacher], chosen.x, rows, chosen.y, chosen.students)
            lots[chosen.from_rows].append(lot)
        house = House(one.train.x, one.validation.x, one.site.columns, one.site.layout)
        sent = outgoing(
            lots[True],
            lots[False],
            tuple(teacher.name for teacher in teachers),
            house=house if self.gated and one.site.settings.patients else None,
            rules=world.rules,
            min_rows=one.site.min_rows(world.rules),
            rng=world.rng(name, "gate"),
        )
        return sent.of(tuple(world.members), world.width)


def _teachers(world: World, name: SiteName) -> list[Teacher]:
    """Models that a site holds, its own first."""
    return [world.members[each].model for each in (name, *world.peers(name))]


def _written(world: World, name: SiteName, recipe: str) -> list[tuple[Chosen, Rows]]:
    """Seeds that a recipe chose at a site, and the rows that its teachers made of them."""
    return world.once(("written", name, recipe), lambda: _write_all(world, name, recipe))


def _write_all(world: World, name: SiteName, recipe: str) -> list[tuple[Chosen, Rows]]:
    teachers, find = _teachers(world, name), find_recipe(recipe, "bench learning")
    seen = _seen(world, name, drawn=works_on_drawn_seeds(find))
    predictions = np.stack([teacher.predict_proba(seen.examples.x) for teacher in teachers])
    classroom = seen.classroom(predictions, world.rules.sure)
    choice = find(classroom, world.rng(name, "recipe")) if len(classroom.y) else []
    return [
        (
            replace(chosen, from_rows=chosen.from_rows and not seen.drawn),
            _rows(world, name, chosen, teachers[chosen.teacher], seen.examples),
        )
        for chosen in choice
    ]


def _seen(world: World, name: SiteName, *, drawn: bool) -> Seen:
    """What a recipe is to see at a site: its training rows, or rows drawn of a noisy release."""
    one = world.members[name]
    if not drawn:
        return Seen(one.train, drawn=False)
    site = replace(one.site, store={}, simulated=True)
    release = release_of(site, one.train, world.rules)
    n = min(world.rules.seeds, world.rules.quota)
    return Seen(draw(release, n, world.rng(name, "seeds")), drawn=True)


def _rows(
    world: World, name: SiteName, chosen: Chosen, teacher: Teacher, examples: Examples
) -> Rows:
    return write(
        chosen,
        teacher,
        examples,
        layout=world.members[name].site.layout,
        rules=world.rules,
        engine=world.rules.engine,
        make_rng=lambda: world.rng(name, "counterfactuals", teacher.name),
    ).x


def _let_in(
    world: World, name: SiteName, sent: Mapping[SiteName, Mapping[SiteName, VirtualInstances]]
) -> Lessons:
    own = sent[name].get(name, VirtualInstances.empty(world.width))
    parcels = [
        (peer, sent[peer][name].to_bytes()) for peer in world.peers(name) if name in sent[peer]
    ]
    admitted = admit(
        parcels,
        own,
        bounds=Bounds(world.width, world.classes, len(world.members)),
        quota=world.rules.quota,
        rng=world.rng(name, "admission"),
    ).rows
    rows = VirtualInstances.concatenate([own, admitted], world.width).distinct()
    return Lessons.of(rows.x, rows.y, rows.teacher)
