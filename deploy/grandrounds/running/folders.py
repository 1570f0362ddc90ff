"""Where things lie, for programs that see a part of a folder only."""

import os
from dataclasses import dataclass
from pathlib import Path

from grandrounds.provision.tls import Tls
from grandrounds.running.parts import CoordinatorPart
from grandrounds_protocol.errors import BadInput

SITE, COORDINATOR = "GRANDROUNDS_SITE", "GRANDROUNDS_COORDINATOR"
"""Environment variables that name an app's folder; nothing that came over the wire does."""


def folder_of(role: str) -> Path:
    """Return the folder that the environment names.

    Raises
    ------
    BadInput
        If it names none.
    """
    named = os.environ.get(role)
    if not named:
        raise BadInput("no folder is named", where=f"environment, {role}")
    return Path(named)


@dataclass(frozen=True)
class Places:
    """Parts of a coordinator's folder. The edge's container needs no keys, nor does the link's.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def tls(self) -> Tls:
        """The certificates."""
        return Tls(self.folder / "tls")

    @property
    def secret(self) -> Path:
        """The file by which the SuperLink knows its executor."""
        return self.folder / "secrets" / "superexec"

    @property
    def nodes(self) -> dict[str, Path]:
        """File of each site's node key, by the site's name."""
        return {path.stem: path for path in sorted((self.folder / "nodes").glob("*.pub"))}

    def state(self, part: CoordinatorPart) -> Path:
        """Return what a part keeps."""
        return self.folder / "state" / part
