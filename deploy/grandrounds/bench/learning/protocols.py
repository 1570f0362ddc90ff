"""Who learns with whom, and who is tested on what.

`loso` (leave one site out): all sites but one learn together, and every student is tested on
all rows of the one left out. `own` and `all`: all sites learn together, and every student is
tested on its own held-out rows, and on those of all sites pooled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from grandrounds.bench.learning.world import Member, World
from grandrounds_client.site import Site
from grandrounds_client.split import Examples, Split
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.schema import Rules

PROTOCOLS = ("loso", "own", "all")
EVERYBODY = "everybody"
"""The world of all sites; the others are named `without SITE`."""


@dataclass(frozen=True)
class Cell:
    """One test: a student on rows.

    Attributes
    ----------
    protocol : str
    test : str
        Whose rows: a site, or `all`.
    student : str
    """

    protocol: str
    test: str
    student: SiteName

    def __str__(self) -> str:
        return f"{self.protocol}/{self.test}/{self.student}"

    @classmethod
    def read(cls, text: str) -> "Cell":
        """Read what `str` wrote; names of sites hold no slash."""
        return cls(*text.split("/"))


def worlds(sites: Mapping[SiteName, Site]) -> list[str]:
    """Name all worlds; one site alone cannot learn, so two sites have no `loso`."""
    return [EVERYBODY, *(f"without {name}" for name in sites if len(sites) > 2)]


def world(members: Mapping[SiteName, Member], rules: Rules, name: str) -> World:
    """Return a world by its name; trained models are the same in all."""
    return World({each: one for each, one in members.items() if name != f"without {each}"}, rules)


def tests(
    sites: Mapping[SiteName, Site],
    splits: Mapping[SiteName, Split],
    there: World,
) -> Iterator[tuple[Cell, Examples]]:
    """Every cell of a world, with the rows its student is tested on."""
    absent = [name for name in sites if name not in there.members]
    for name in absent:
        rows = Examples(sites[name].rows.x, sites[name].rows.y)
        yield from ((Cell("loso", name, student), rows) for student in there.students)
    if absent:
        return
    held_out = {name: parts.held_out for name, parts in splits.items()}
    pooled = Examples(
        np.concatenate([rows.x for rows in held_out.values()]),
        np.concatenate([rows.y for rows in held_out.values()]),
    )
    for student in there.students:
        yield Cell("own", student, student), held_out[student]
        yield Cell("all", "all", student), pooled
