"""`grandrounds bench leakage`: run a federation many times, and attack what leaves its sites."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from grandrounds.bench.leakage import beacon, crafted, features
from grandrounds.bench.leakage.canaries import Canaries
from grandrounds.bench.leakage.features import Features
from grandrounds.bench.leakage.records import RecipeLeak, Report, SiteLeak
from grandrounds.bench.leakage.runs import Observed, Seen, finished, observe, planted, see
from grandrounds.bench.leakage.shadow import Attack, Shadows, learn
from grandrounds.bench.leakage.told import Trial, told
from grandrounds.bench.setting import SEED, cpu
from grandrounds.folder import read_folder
from grandrounds.privacy.membership import Scores
from grandrounds.privacy.parts import NEITHER, TRAINED
from grandrounds.results import versions
from grandrounds.simulate import Simulation, prepare
from grandrounds.threads import one_thread
from grandrounds_client.site import Site
from grandrounds_protocol.seeding import generator, integer

Note = Callable[[str], None]

ATTACKS = {
    "distance": "near a released row",
    "distance in class": "near a released row of its own class",
    "equal numbers": "most numbers equal to those of one released row",
    "shadow rows": "learned on shadow runs from how rows stand to the released ones",
    "other run's rows": "the same, shown what left in another run: chance",
    "canary rows": "planted or kept out, by distance to a released row",
    "no canary": "the same where none was planted: chance",
    "crafted, tiny": "a hostile model, right in a tiny region around each guess",
    "crafted, numbers": "the same, narrow in numbers only",
    "beacon": "a hostile model that gives the lesson of one guess the highest value",
    "loss": "how sure the site's first model is of the row's class",
    "shadow models": "learned on shadow runs from the site's models",
    "shadow both": "learned on shadow runs from rows and models",
    "canary models": "planted or kept out, by the site's first model",
}
"""On the rows first, then on the models too: the rows are not the only leak."""


def _both(seen: Seen) -> Features | None:
    if seen.rows is None or seen.models is None:
        return None
    return np.concatenate([seen.rows, seen.models], axis=1)


Seeing = Callable[[Seen], Features | None]
LEARNED: dict[str, Seeing] = {
    "shadow rows": lambda seen: seen.rows,
    "shadow models": lambda seen: seen.models,
    "shadow both": _both,
}
_SHADOW_SEED = 1_000_000
"""Shadow runs have this seed and the next ones: no attacked run has."""


@dataclass(frozen=True)
class Size:
    """How many runs of each recipe are attacked, and how many the attacker learns from."""

    seeds: int
    shadows: int

    def attacking(self, seeds: int | None) -> "Size":
        """Return this size with another number of attacked runs, if one is given."""
        return self if seeds is None else replace(self, seeds=seeds)


USUAL = Size(seeds=5, shadows=16)
FULL = Size(seeds=20, shadows=40)
RECIPES = ("private", "guarded", "paper")


@dataclass(frozen=True)
class _Attacked:
    """What was gathered of one site over all attacked runs."""

    observed: list[Observed] = field(default_factory=list)
    trials: dict[str, list[Trial]] = field(default_factory=lambda: defaultdict(list))


def measure(folder: Path, recipes: Sequence[str], size: Size, note: Note) -> Report:
    """Attack each recipe on a federation's folder; the same folder and size, the same figures.

    Parameters
    ----------
    folder : Path
    recipes : sequence of str
    size : Size
    note : callable
        Hears what goes on.

    Raises
    ------
    BadInput
        If the folder or a recipe cannot be used.
    """
    begun = perf_counter()
    name = read_folder(folder).federation.name
    for recipe in recipes:
        prepare(folder, recipe=recipe)  # what cannot be used is refused before any work
    with one_thread():
        found = {recipe: _recipe(folder, recipe, size, note) for recipe in recipes}
    return Report(name, cpu(), versions(), perf_counter() - begun, ATTACKS, found)


def _recipe(folder: Path, recipe: str, size: Size, note: Note) -> RecipeLeak:
    sites = prepare(folder, recipe=recipe).sites
    attacked = {name: _Attacked() for name in sites}
    for seed in range(size.seeds):
        note(f"{recipe}: attacked run {seed + 1} of {size.seeds}")
        _attack(folder, recipe, seed, attacked)
    shadows: dict[str, list[Observed]] = {name: [] for name in sites}
    for number in range(size.shadows):
        note(f"{recipe}: shadow run {number + 1} of {size.shadows}")
        simulation = finished(folder, recipe, _SHADOW_SEED + number)
        for name in sites:
            shadows[name].append(observe(simulation, name))
    note(f"{recipe}: learning from the shadow runs")
    for name, site in sites.items():
        _learned(site, attacked[name], shadows[name])
    return RecipeLeak(
        size.seeds,
        size.shadows,
        {name: _leak(recipe, site, attacked[name]) for name, site in sites.items()},
    )


def _attack(folder: Path, recipe: str, seed: int, attacked: Mapping[str, _Attacked]) -> None:
    simulation = finished(folder, recipe, seed)
    with_canaries, canaries = planted(folder, recipe, seed)
    for name, found in attacked.items():
        observed = observe(simulation, name)
        found.observed.append(observed)
        site = simulation.sites[name]
        for attack, scores in _on_rows(simulation, site, observed).items():
            found.trials[attack].append(_trial(site, observed, scores))
        rng = generator(seed, name, "beacon")
        beacon_trial = beacon.ask(site, simulation.federation.rules, tuple(simulation.sites), rng)
        if beacon_trial is not None:
            found.trials["beacon"].append(beacon_trial)
        _canaries(found.trials, simulation, with_canaries, name, canaries[name])


def _on_rows(simulation: Simulation, site: Site, observed: Observed) -> dict[str, Scores]:
    """Scores of the attacks that need this run only, for each row of the site's file."""
    scores: dict[str, Scores] = {}
    seen = observed.seen
    if seen.rows is not None:
        scores["distance"] = -seen.rows[:, features.NEAREST_ROW]
        scores["distance in class"] = -seen.rows[:, features.NEAREST_IN_CLASS]
        scores["equal numbers"] = seen.rows[:, features.EQUAL_NUMBERS]
    if seen.models is not None:
        scores["loss"] = seen.models[:, features.FIRST_MODEL]
    for name, whole in (("crafted, tiny", True), ("crafted, numbers", False)):
        asked = crafted.ask(site, simulation.federation.rules, tuple(simulation.sites), whole=whole)
        if asked is not None:
            scores[name] = asked
    return scores


def _canaries(
    trials: dict[str, list[Trial]],
    simulation: Simulation,
    with_canaries: Simulation,
    name: str,
    canaries: Canaries,
) -> None:
    def look(where: Simulation) -> Seen:
        return see(where.sites[name], where.run_name, canaries.x, canaries.y)

    planted_seen, control = look(with_canaries), look(simulation)
    for attack, table, column in (
        ("canary rows", planted_seen.rows, features.NEAREST_ROW),
        ("no canary", control.rows, features.NEAREST_ROW),
    ):
        if table is not None:
            trials[attack].append(Trial(-table[:, column], canaries.planted, canaries.y))
    if planted_seen.models is not None:
        sure = planted_seen.models[:, features.FIRST_MODEL]
        trials["canary models"].append(Trial(sure, canaries.planted, canaries.y))


def _learned(site: Site, attacked: _Attacked, shadows: Sequence[Observed]) -> None:
    """Add the trials of the attacks that learn from shadow runs."""
    for name, seeing in LEARNED.items():
        attack = _attack_of(site, name, shadows, seeing)
        if attack is None:
            continue
        scores = [
            None if (table := seeing(one.seen)) is None else attack.scores(table)
            for one in attacked.observed
        ]
        attacked.trials[name] += _trials(site, attacked.observed, scores)
        if name == "shadow rows" and len(scores) > 1:
            others = [*scores[1:], scores[0]]
            attacked.trials["other run's rows"] += _trials(site, attacked.observed, others)


def _attack_of(site: Site, name: str, shadows: Sequence[Observed], seeing: Seeing) -> Attack | None:
    tables = [(seeing(one.seen), one.parts) for one in shadows]
    known = [(table, parts) for table, parts in tables if table is not None]
    if not known:
        return None
    found = Shadows(np.stack([table for table, _ in known]), np.stack([part for _, part in known]))
    return learn(found, integer(SEED, site.name, name)) if found.enough else None


def _trials(
    site: Site, observed: Sequence[Observed], scores: Sequence[Scores | None]
) -> list[Trial]:
    return [
        _trial(site, one, given)
        for one, given in zip(observed, scores, strict=True)
        if given is not None
    ]


def _trial(site: Site, observed: Observed, scores: Scores) -> Trial:
    asked = observed.parts != NEITHER
    return Trial(scores[asked], observed.parts[asked] == TRAINED, site.rows.y[asked])


def _leak(recipe: str, site: Site, attacked: _Attacked) -> SiteLeak:
    spoke = [one.nearness for one in attacked.observed if one.nearness.released]
    rng = generator(SEED, recipe, site.name, "leakage")
    return SiteLeak(
        learner=site.settings.learner_name,
        silent=len(attacked.observed) - len(spoke),
        released=_median([one.released for one in spoke]),
        exact_copies=_median([one.exact_copies for one in spoke]),
        near=_median([one.near for one in spoke]),
        alike=_median([one.alike for one in spoke]),
        attacks={name: told(attacked.trials.get(name, []), rng) for name in ATTACKS},
    )


def _median(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(median(defined)) if defined else None
