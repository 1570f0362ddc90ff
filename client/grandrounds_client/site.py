"""A site, opened: its settings, its rows, its learners, its store."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from grandrounds_client.arrays import Columns
from grandrounds_client.encoding import Encoded, encode
from grandrounds_client.learners import Learner, make_learner
from grandrounds_client.settings import SiteSettings
from grandrounds_client.split import Split, split
from grandrounds_client.table import read_table
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.seeding import generator

Store = MutableMapping[str, bytes]
"""What a site keeps between phases: bytes by name. A dict in memory, files on a real site."""


@dataclass(frozen=True)
class Site:
    """Everything a phase may read. Only `store` changes, and only in `service`."""

    settings: SiteSettings
    federation: Federation
    rows: Encoded
    learners: tuple[Learner, ...]
    """More than one: the best on validation rows is taken."""
    store: Store

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


def load_rows(settings: SiteSettings, folder: Path, federation: Federation) -> Encoded:
    """Read and encode a site's file.

    Raises
    ------
    BadInput
        For anything in the file that cannot be used, or a file with one class only.
    """
    path = folder / settings.data
    encoded = encode(read_table(path, settings.separator), federation, settings)
    if len(np.unique(encoded.y)) < 2:
        raise BadInput(
            "all rows are of one class: there is nothing to learn to tell apart",
            where=f"{path}, column {settings.label.column or federation.label!r}",
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


def open_site(settings: SiteSettings, folder: Path, federation: Federation, store: Store) -> Site:
    """Open a site whose `site.toml` lies in `folder`.

    Raises
    ------
    BadInput
        For anything in its settings or file that cannot be used.
    """
    where = str(folder / "site.toml")
    learners = make_learner(settings.learner_name, settings.learner_parameters, where)
    rows = load_rows(settings, folder, federation)
    return Site(settings, federation, rows, tuple(learners), store)
