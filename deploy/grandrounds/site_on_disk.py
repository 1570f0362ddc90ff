"""A site that another process opens, and whose store all processes share."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from grandrounds.provision.identity import open_identity
from grandrounds.throwaway import Throwaway
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, open_site
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.schema import Federation


@dataclass(frozen=True)
class SiteOnDisk:
    """What another process needs to open a site; its store tells it from all others."""

    home: Path
    """Holds its store, keys, roster and ledger."""
    settings: SiteSettings = field(compare=False)
    folder: Path = field(compare=False)
    federation: Federation = field(compare=False)

    def keep(self, site: Site) -> None:
        """Copy what the site's store on disk holds into an opened site's own."""
        site.store.update(self.store)

    @property
    def store(self) -> DirectoryStore:
        """What the site keeps between questions."""
        return DirectoryStore(self.home / "store")


def on_disk(
    sites: Iterable[tuple[SiteSettings, Path]],
    federation: Federation,
    homes: Path,
    keys: Throwaway,
) -> tuple[SiteOnDisk, ...]:
    """Give each site, by its settings and the folder of its data, a home below `homes`."""
    found = []
    for settings, folder in sites:
        home = homes / settings.name
        keys.write(home, settings.name)
        found.append(SiteOnDisk(home, settings, folder.resolve(), federation))
    return tuple(found)


@cache
def opened(site: SiteOnDisk) -> Site:
    """Open a site, once per process: a process serves many questions."""
    return open_site(
        site.settings,
        site.folder,
        site.federation,
        site.store,
        identity=open_identity(site.home, site.settings.name),
        simulated=True,
    )
