"""A site, opened: its settings, its rows, its learners, its store."""

from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from grandrounds_client.arrays import Columns
from grandrounds_client.counterfactuals import Engine
from grandrounds_client.encoding import Encoded, encode
from grandrounds_client.identity import Identity
from grandrounds_client.images import read_images
from grandrounds_client.learners import Learner, make_learner
from grandrounds_client.learners.bring import bring
from grandrounds_client.learners.brought import ALGORITHM, BroughtModel
from grandrounds_client.recipes import Recipe
from grandrounds_client.settings import SiteSettings
from grandrounds_client.split import Split, split
from grandrounds_client.table import read_table
from grandrounds_client.worker import Worker, shared_worker
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.seeding import generator
from grandrounds_protocol.settings import Settings

Store = MutableMapping[str, bytes]
"""What a site keeps between phases: bytes by name. A dict in memory, files on a real site."""


@dataclass(frozen=True)
class Site:
    """Everything a phase may read.

    `store` changes in `service` only. What a recipe on drawn seeds booked and released is
    written by `private.releases`, at once: it has to outlive a phase that fails.
    """

    settings: SiteSettings
    federation: Federation
    rows: Encoded
    learners: tuple[Learner, ...]
    """More than one: the best on validation rows is taken."""
    store: Store
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    """Recipes passed in as callables, looked up before the registered ones."""
    engines: Mapping[str, Engine] = field(default_factory=dict)
    """Engines passed in as callables, likewise."""
    identity: Identity | None = None
    """Who the site is to others; without one it can be looked at, and not asked."""
    worker: Worker | None = None
    """Where peers' models run; None where they are the caller's own, and run right here."""
    privacy_records: Path | None = None
    """Folder of the bookings and noisy releases, which outlive every run."""
    accepted: Rules | None = None
    """Rules that came in the bundle this site accepted; None where none did: then any are taken."""
    alone: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered while a question is answered: where each message has a process, another one waits."""
    simulated: bool = False
    """Whether no real site is at work: privacy noise then comes from the run's seed, results
    say so, and bookings end with the store."""

    @property
    def name(self) -> str:
        """The site's name."""
        return self.settings.name

    @cached_property
    def layout(self) -> Layout:
        """Where each feature stands."""
        return Layout.of(self.federation)

    @property
    def columns(self) -> Columns:
        """Encoded columns the site has, int64 [d]."""
        return self.rows.columns

    @property
    def classes(self) -> int:
        """C, the number of classes of the federation."""
        return len(self.federation.classes)

    def min_rows(self, rules: Rules) -> int:
        """Return the fewest own rows that what leaves in a run may speak of."""
        return max(rules.min_rows, self.settings.privacy.min_rows)

    @property
    def teaches_only(self) -> bool:
        """Whether the site brought a model made elsewhere, which nobody here can retrain."""
        return any(isinstance(learner, BroughtModel) for learner in self.learners)


def load_rows(settings: SiteSettings, folder: Path, federation: Federation) -> Encoded:
    """Read and encode a site's table or images.

    Raises
    ------
    BadInput
        For anything in the file that cannot be used, or a file with one class only.
    """
    path = folder / settings.data
    images = Layout.of(federation).images
    if settings.labels is not None and not images:
        raise BadInput(
            "a table has its labels in a column",
            where=f"site {settings.name}, site.toml, field labels",
            remedy="remove `labels`; see [label] in docs/hospital.md",
        )
    if images:
        encoded, where = read_images(settings, folder, federation), f"{path}, labels"
    else:
        encoded = encode(read_table(path, settings.separator), federation, settings)
        where = f"{path}, column {settings.label.column or federation.label!r}"
    if len(np.unique(encoded.y)) < 2:
        raise BadInput(
            "all rows are of one class: there is nothing to learn to tell apart",
            where=where,
            remedy="leave this site out, or give it rows of a second class",
        )
    return encoded


def split_rows(site: Site, rules: Rules) -> Split:
    """Split a site's rows as a run's rules say.

    Drawn from the run's seed and the site's name, so that a site restarted in the middle
    of a run finds the same three parts.
    """
    return split(
        site.rows.x,
        site.rows.y,
        validation=rules.validation,
        held_out=rules.held_out,
        rng=generator(rules.seed, site.name, "split"),
    )


def open_site(
    settings: SiteSettings,
    folder: Path,
    federation: Federation,
    store: Store,
    *,
    identity: Identity | None = None,
    accepted: Rules | None = None,
    alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    simulated: bool = False,
) -> Site:
    """Open a site whose `site.toml` lies in `folder`.

    Raises
    ------
    BadInput
        For anything in its settings or file that cannot be used.
    """
    learners = _learners(settings, folder)
    rows = load_rows(settings, folder, federation)
    brought = settings.brought_model
    if brought is not None:
        learners = [_bring(brought, folder, rows, federation)]
    where = str(folder / "site.toml")
    shaped = tuple(_with_shape(learner, federation, where) for learner in learners)
    return Site(
        settings,
        federation,
        rows,
        shaped,
        store,
        identity=identity,
        worker=shared_worker(),
        privacy_records=folder / "privacy",
        accepted=accepted,
        alone=alone,
        simulated=simulated,
    )


def _learners(settings: SiteSettings, folder: Path) -> list[Learner]:
    """Return what `site.toml` names; nothing where the site brings a model of its own."""
    if settings.brought_model is not None:
        return []
    where = str(folder / "site.toml")
    return make_learner(settings.learner_name, settings.learner_parameters, where)


def _bring(brought: dict[str, str], folder: Path, rows: Encoded, federation: Federation) -> Learner:
    return bring(
        folder / brought["onnx"],
        rows.x,
        rows.columns,
        classes=len(federation.classes),
        algorithm=brought.get("algorithm", ALGORITHM),
    )


def _with_shape(learner: Learner, federation: Federation, where: str) -> Learner:
    """Tell a learner of images that was not told otherwise how wide and high they are."""
    if not isinstance(learner, Settings) or getattr(learner, "shape", ()) is not None:
        return learner
    images = Layout.of(federation).images
    if not images:
        raise BadInput(
            f"a {learner.algorithm} learns from images, and the federation has none",
            where=f"{where}, field learner",
            remedy="choose another learner, or give its `shape`",
        )
    return learner.model_copy(update={"shape": images[0].shape})
