"""What `grandrounds bench leakage` says in the end."""

import json
from dataclasses import asdict, dataclass

from grandrounds.bench.leakage.told import Told


@dataclass(frozen=True)
class SiteLeak:
    """One site over all attacked runs of a recipe; figures of releases are medians over runs.

    Attributes
    ----------
    learner : str
    silent : int
        Runs in which nothing was released; they count in no figure of the rows.
    released, exact_copies, near, alike : float or None
        As in `grandrounds.privacy.nearness`.
    attacks : dict of str to (Told or None)
        None where an attack had nothing to work on.
    """

    learner: str
    silent: int
    released: float | None
    exact_copies: float | None
    near: float | None
    alike: float | None
    attacks: dict[str, Told | None]


@dataclass(frozen=True)
class RecipeLeak:
    """One recipe: how often the federation ran, and what each site told."""

    runs: int
    shadows: int
    sites: dict[str, SiteLeak]


@dataclass(frozen=True)
class Report:
    """The whole, recipe by recipe."""

    federation: str
    cpu: str
    versions: dict[str, str]
    seconds: float
    attacks: dict[str, str]
    """What each attack does, in words."""
    recipes: dict[str, RecipeLeak]

    def to_json(self) -> str:
        """Indented JSON with a final newline."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"
