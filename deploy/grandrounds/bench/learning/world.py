"""Who learns together, and what each may know: no row that anybody is tested on is in here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.learners import Learner, choose
from grandrounds_client.phases.releasing import trained
from grandrounds_client.site import Site
from grandrounds_client.split import Examples, Split
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_client.weights import scale
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator, integer

T = TypeVar("T")
NOBODY = -1
"""Origin of a row that no member's model wrote."""


@dataclass(frozen=True)
class Lessons:
    """Rows that one student is to learn beside its own.

    Attributes
    ----------
    x : float32 [n, D]
    y : int32 [n]
    origin : int32 [n]
        Whose model wrote each, as an index into the world's members; `NOBODY` for none.
    weight : float32 [n]
        How much each counts beside an own row, above 0.
    most : float
        All together count no more than so many times the student's own rows: they are scaled down.
    """

    x: Rows
    y: Labels
    origin: Labels
    weight: Floats
    most: float = inf

    def __len__(self) -> int:
        return len(self.y)

    @classmethod
    def of(cls, x: Rows, y: Labels, origin: Labels | None = None) -> "Lessons":
        """Rows that count as much as an own row."""
        named = np.full(len(y), NOBODY, np.int32) if origin is None else origin
        return cls(x, y, named, np.ones(len(y), np.float32))

    @classmethod
    def none(cls, columns: int) -> "Lessons":
        """No rows of `columns` columns."""
        return cls.of(np.zeros((0, columns), np.float32), np.zeros(0, np.int32))

    def take(self, rows: npt.NDArray[np.intp]) -> "Lessons":
        """Return the chosen rows, in that order."""
        return Lessons(self.x[rows], self.y[rows], self.origin[rows], self.weight[rows], self.most)

    @classmethod
    def concatenate(cls, parts: "Sequence[Lessons]", columns: int) -> "Lessons":
        """All rows of all parts, in order."""
        parts = [cls.none(columns), *parts]
        x, y, origin, weight = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("x", "y", "origin", "weight")
        )
        return cls(x, y, origin, weight, min(part.most for part in parts))

    def beside(self, own: int) -> Floats:
        """Return what each counts beside so many own rows."""
        each = scale(own, float(self.weight.sum()), self.most) if len(self) else 1.0
        return self.weight * np.float32(each)

    def with_new(self, more: "Lessons") -> "Lessons":
        """Add rows of a later round; one that was there before, in its class, counts once."""
        known = set(VirtualInstances(self.x, self.y, self.origin).digests())
        digests = VirtualInstances(more.x, more.y, more.origin).digests()
        new = np.flatnonzero([digest not in known for digest in digests])
        return Lessons.concatenate([self, more.take(new)], self.x.shape[1])


@dataclass(frozen=True)
class Member:
    """One site of a world.

    Attributes
    ----------
    site : Site
        For its settings, columns and layout. Its `rows` hold the rows of all three parts, so a
        contestant that is to be believed leaves them alone.
    train, validation : Examples
    learner : Learner
        The one its validation rows chose.
    model : Teacher
        What it has released: of own rows alone at first.
    """

    site: Site
    train: Examples
    validation: Examples
    learner: Learner
    model: Teacher

    @property
    def rows(self) -> Lessons:
        """Own training rows, as if they were lessons."""
        return Lessons.of(self.train.x, self.train.y)


@dataclass(frozen=True)
class World:
    """Sites that learn together in one round.

    Attributes
    ----------
    members : mapping of str to Member
        In roster order.
    rules : Rules
        With this world's seed.
    round : int
        From 1.
    """

    members: Mapping[SiteName, Member]
    rules: Rules
    round: int = 1
    _known: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def students(self) -> tuple[SiteName, ...]:
        """Those that can learn: a model made elsewhere only teaches."""
        return tuple(name for name, one in self.members.items() if not one.site.teaches_only)

    @property
    def width(self) -> int:
        """D, encoded columns of the federation."""
        return next(iter(self.members.values())).site.layout.width

    @property
    def classes(self) -> int:
        """C."""
        return next(iter(self.members.values())).site.classes

    def peers(self, name: SiteName) -> tuple[SiteName, ...]:
        """Those that a site meets in this round, in roster order."""
        return peers_of(name, tuple(self.members), self.round, self.rules)

    def rng(self, name: SiteName, *labels: str | int) -> np.random.Generator:
        """Return the generator that a site has in the product for this round and purpose."""
        return generator(self.rules.seed, name, self.round, *labels)

    def once(self, what: object, make: Callable[[], T]) -> T:
        """Compute what several contestants need once per world; `what` names it."""
        if what not in self._known:
            self._known[what] = make()
        return cast("T", self._known[what])

    def after(self, models: Mapping[SiteName, Teacher]) -> "World":
        """Return the next round's world, in which these members have new models."""
        members = {
            name: replace(one, model=models.get(name, one.model))
            for name, one in self.members.items()
        }
        return World(members, self.rules, self.round + 1)


def member(site: Site, parts: Split, rules: Rules) -> Member:
    """Train a site's first model as `publish` does.

    Raises
    ------
    ModelHoldsRows
        If the site could not release it.
    """
    train, validation = parts.train, parts.validation
    seed = integer(rules.seed, site.name, 1, "train")
    learner = choose(
        site.learners,
        (train.x[:, site.columns], train.y),
        (validation.x[:, site.columns], validation.y),
        classes=site.classes,
        seed=seed,
    )
    model = model_of(site, train, learner, Lessons.none(site.layout.width), rules, 1, seed)
    return Member(site, train, validation, learner, model)


def retrained(world: World, name: SiteName, lessons: Lessons) -> Teacher:
    """Train a student's candidate as `retrain` does.

    Raises
    ------
    ModelHoldsRows
        If the student could not release it.
    """
    one = world.members[name]
    seed = integer(world.rules.seed, name, world.round, "retrain")
    return model_of(one.site, one.train, one.learner, lessons, world.rules, world.round, seed)


def model_of(
    site: Site,
    train: Examples,
    learner: Learner,
    lessons: Lessons,
    rules: Rules,
    round_: int,
    seed: int,
) -> Teacher:
    """Train, look through, export and vet: the way of every model in the product."""
    graph = trained(
        site,
        train,
        learner,
        Examples(lessons.x, lessons.y),
        min_rows=site.min_rows(rules),
        rng=generator(rules.seed, site.name, round_, "shuffle"),
        seed=seed,
        weight=np.concatenate([np.ones(len(train), np.float32), lessons.beside(len(train))]),
    )
    return vet(
        graph,
        name=site.name,
        algorithm=learner.algorithm,
        width=site.layout.width,
        classes=site.classes,
    )
