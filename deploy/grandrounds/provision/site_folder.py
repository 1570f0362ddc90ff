"""A real site's folder: settings, what it accepted, its node, and the state that runs keep."""

from dataclasses import dataclass
from pathlib import Path

from grandrounds.folder import read_text
from grandrounds.provision.node import FOLDER, Node
from grandrounds.provision.secrets import make_private_folder
from grandrounds_client.settings import SiteSettings
from grandrounds_protocol.agreed import read_agreed
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.settings import parse_settings

SETTINGS, FEDERATION, REQUEST = "site.toml", "federation.toml", "enrolment.json"
STATE, STORE, PRIVACY = "state", "store", "privacy"


@dataclass(frozen=True)
class SiteFolder:
    """A site that has joined, opened.

    Attributes
    ----------
    folder : Path
    settings : SiteSettings
    federation : Federation
    """

    folder: Path
    settings: SiteSettings
    federation: Federation

    @property
    def node(self) -> Node:
        """What the process that faces the network may see."""
        return Node(self.folder / FOLDER)

    @property
    def state(self) -> Path:
        """The folder for what runs keep; its owner's only."""
        return self.folder / STATE

    @property
    def store(self) -> Path:
        """The folder of the site's `DirectoryStore`."""
        return self.state / STORE


def read_settings(folder: Path) -> SiteSettings:
    """Read `site.toml`.

    Raises
    ------
    BadInput
    """
    path = folder / SETTINGS
    return parse_settings(SiteSettings, read_text(path), str(path))


def open_site_folder(folder: Path) -> SiteFolder:
    """Open the folder of a site that has joined.

    Raises
    ------
    BadInput
        If it has not, or a file cannot be used.
    """
    settings = read_settings(folder)
    path = folder / FEDERATION
    if not path.exists():
        raise BadInput(
            "this site has not joined yet",
            where=str(path),
            remedy=f"grandrounds site join {folder} BUNDLE",
        )
    federation = read_agreed(read_text(path), str(path))
    make_private_folder(folder / STATE)
    return SiteFolder(folder, settings, federation)
