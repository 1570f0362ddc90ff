"""All contestants by name: the recipes, each beside what it is to be told from, and rivals.

A contestant is a callable `(world, rng)`. It returns for each student either `Lessons`, which the
student retrains on and its peers review, or a function from rows to probabilities, which is
asked as it is. None means that it has no place in this world.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from grandrounds.bench.learning import rivals
from grandrounds.bench.learning.ensembles import Predict, ensemble, peers_only
from grandrounds.bench.learning.federated import fedavg, fedprox
from grandrounds.bench.learning.recipes import Recipe
from grandrounds.bench.learning.world import Lessons, World
from grandrounds_client.recipes import find_recipe, works_on_drawn_seeds
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.names import SiteName

Given = Mapping[SiteName, Lessons] | Mapping[SiteName, Predict] | None
Play = Callable[[World, np.random.Generator], Given]


@dataclass(frozen=True)
class Contestant:
    """One row of the tables.

    Attributes
    ----------
    play : callable
        A function of a module or a picklable object, for other processes call it as well.
    says : str
        What it is, in a few words.
    """

    play: Play
    says: str


RIVALS: Mapping[str, Contestant] = {
    "levelled": Contestant(rivals.levelled, "own rows again until all classes are as large"),
    "mixup": Contestant(rivals.mixup, "rows between two own rows, as many as there are"),
    "pooled": Contestant(rivals.pooled, "all peers' training rows: not private, the yardstick"),
    "ensemble": Contestant(ensemble, "mean probability of all models"),
    "peers": Contestant(peers_only, "mean probability of all models but the own one"),
    "fedavg": Contestant(fedavg, "one net for all, averaged by Flower"),
    "fedprox": Contestant(fedprox, "the same with a proximal term"),
}
RECIPES = ("paper", "guarded", "private")


def of_recipe(name: str) -> dict[str, Contestant]:
    """Return a registered recipe with all that it is to be told from.

    Raises
    ------
    BadInput
        If there is none of that name.
    """
    drawn = works_on_drawn_seeds(find_recipe(name, "option --recipe"))
    found = {
        name: Contestant(Recipe(name), "the recipe as in the product"),
        f"{name}-seeds": Contestant(
            Recipe(name, moved=False), "its seeds and labels, not moved (alpha = 0)"
        ),
        f"{name}-random": Contestant(
            partial(rivals.as_many_peer_rows, recipe=name), "as many peers' rows, drawn by chance"
        ),
    }
    return found if drawn else found | _without_gate(name)


def _without_gate(name: str) -> dict[str, Contestant]:
    return {
        f"{name}-free": Contestant(Recipe(name, gated=False), "without the release gate"),
        f"{name}-free-seeds": Contestant(
            Recipe(name, moved=False, gated=False),
            "its seeds as they are: own rows; of `paper` the rows R of CKD eq. 1",
        ),
    }


def chosen(recipes: Iterable[str], named: Iterable[str]) -> dict[str, Contestant]:
    """Return the contestants of these recipes, and these rivals; all if none is named at all.

    Raises
    ------
    BadInput
        If one is not there.
    """
    recipes, named = tuple(recipes), tuple(named)
    for name in named:
        if name not in RIVALS:
            raise BadInput(
                f"unknown rival {name!r}",
                where="option --rival",
                remedy=f"one of: {', '.join(RIVALS)}",
            )
    everything = not recipes and not named
    found = {
        key: one
        for recipe in (RECIPES if everything else recipes)
        for key, one in of_recipe(recipe).items()
    }
    return found | {name: RIVALS[name] for name in (RIVALS if everything else named)}
