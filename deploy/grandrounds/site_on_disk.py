"""A site that another process opens, and whose store all processes share."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, open_site
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.schema import Federation


@dataclass(frozen=True)
class SiteOnDisk:
    """What another process needs to open a site; its store tells it from all others."""

    store: Path
    settings: SiteSettings = field(compare=False)
    folder: Path = field(compare=False)
    federation: Federation = field(compare=False)

    def keep(self, site: Site) -> None:
        """Copy what the site's store on disk holds into an opened site's own."""
        site.store.update(DirectoryStore(self.store))


def on_disk(
    sites: Iterable[tuple[SiteSettings, Path]], federation: Federation, stores: Path
) -> tuple[SiteOnDisk, ...]:
    """Give each site, by its settings and the folder of its data, a store below `stores`."""
    return tuple(
        SiteOnDisk(stores / settings.name, settings, folder.resolve(), federation)
        for settings, folder in sites
    )


@cache
def opened(site: SiteOnDisk) -> Site:
    """Open a site, once per process: a process serves many questions."""
    return open_site(site.settings, site.folder, site.federation, DirectoryStore(site.store))
