"""What a phase is: a function from a site, its state and an instruction to an outcome."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from grandrounds_client.counterfactuals import Engine
from grandrounds_client.recipes import Recipe, find_recipe
from grandrounds_client.site import Site, split_rows
from grandrounds_client.split import Split
from grandrounds_client.state import Changes, State
from grandrounds_protocol.errors import UnknownSite
from grandrounds_protocol.instances import Bounds
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.records import Report
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator, integer


@dataclass(frozen=True)
class Question:
    """An instruction, the site that is asked, and what it remembers of the run."""

    site: Site
    state: State
    instruction: Instruction

    @property
    def round(self) -> int:
        """Number of the round, from 1."""
        return self.instruction.heading.round

    @property
    def attempt(self) -> int:
        """1, or 2 where this student tries again in the same round."""
        return self.instruction.heading.attempt

    @property
    def rules(self) -> Rules:
        """Rules of the run."""
        return self.instruction.body.rules

    @cached_property
    def split(self) -> Split:
        """The site's rows in three parts."""
        return split_rows(self.site, self.rules)

    @property
    def members(self) -> tuple[str, ...]:
        """Names of all sites of the run; teacher indices refer to this order."""
        return self.instruction.body.sites

    @cached_property
    def peers(self) -> tuple[str, ...]:
        """The members this site meets in this round; computed here, never told."""
        return peers_of(self.site.name, self.members, self.round, self.rules)

    @property
    def sampled(self) -> bool:
        """Whether this site meets only some of the members in this round."""
        return len(self.peers) < len(self.members) - 1

    @property
    def bounds(self) -> Bounds:
        """What virtual rows must fit into."""
        return Bounds(self.site.layout.width, self.site.classes, len(self.members))

    @property
    def recipe(self) -> Recipe:
        """The run's recipe.

        Raises
        ------
        BadInput
            If this site knows none of that name.
        """
        name = self.rules.recipe
        given = self.site.recipes.get(name)
        return find_recipe(name, "the coordinator's rules") if given is None else given

    @property
    def engine(self) -> str | Engine:
        """The run's engine: its name, or the callable passed in under that name."""
        return self.site.engines.get(self.rules.engine, self.rules.engine)

    def rng(self, *labels: str | int) -> np.random.Generator:
        """A generator of its own for this site, round and purpose."""
        return generator(self.rules.seed, self.site.name, self.round, *labels)

    def seed(self, *labels: str | int) -> int:
        """An integer seed of its own for this site, round and purpose."""
        return integer(self.rules.seed, self.site.name, self.round, *labels)

    def parcels_from_peers(self, kind: str) -> list[Parcel]:
        """Parcels of a kind, one per sender at most, in roster order.

        Raises
        ------
        UnknownSite
            If a sender is no peer, sent twice, or did not address this site.
        """
        found: dict[str, Parcel] = {}
        for parcel in self.instruction.parcels:
            known = parcel.sender in self.peers and self.site.name in parcel.recipients
            if parcel.kind != kind or not known or parcel.sender in found:
                raise UnknownSite("a parcel that no peer can have sent to this site now")
            found[parcel.sender] = parcel
        return [found[name] for name in self.peers if name in found]


@dataclass(frozen=True)
class Outcome:
    """What a phase says, sends and wants kept."""

    report: Report
    parcels: tuple[Parcel, ...] = ()
    changes: Changes = field(default_factory=dict)
