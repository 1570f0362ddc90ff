"""The ClientApp of a real site: opens the folder that the environment names, and answers."""

from functools import cache
from pathlib import Path

from flwr.app import Context

from grandrounds.provision.identity import open_identity
from grandrounds.provision.site_folder import open_site_folder
from grandrounds.running.folders import SITE, folder_of
from grandrounds_client.app import client_app
from grandrounds_client.site import Site, open_site
from grandrounds_client.store import DirectoryStore


@cache
def real_site(folder: Path) -> Site:
    """Open a site's folder as it lies at a hospital.

    Raises
    ------
    BadInput, BadRoster, OpenToOthers
    """
    site = open_site_folder(folder)
    identity = open_identity(folder, site.settings.name)
    store = DirectoryStore(site.store)
    return open_site(
        site.settings,
        folder,
        site.federation,
        store,
        identity=identity,
        accepted=site.federation.rules,
        alone=store.alone,
    )


def _find(_context: Context) -> Site:
    return real_site(folder_of(SITE))


app = client_app(_find)
