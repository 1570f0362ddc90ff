"""How a site leaves: what others know it by is forgotten, what it must account for is kept."""

import shutil
from pathlib import Path

from grandrounds.provision import bundles
from grandrounds.provision.books import is_running
from grandrounds.provision.identity import ROSTER
from grandrounds.provision.node import FOLDER, Node, forget
from grandrounds.provision.site_folder import FEDERATION, STATE
from grandrounds.running.lock import is_held
from grandrounds_protocol.errors import BadInput


def check_stopped(folder: Path) -> None:
    """Refuse to take a site apart while it works.

    Raises
    ------
    BadInput
    """
    # in containers the node runs by itself, and would go on with the key that it read
    if is_running(folder) or is_held(folder / FOLDER / STATE):
        raise BadInput(
            "this site runs",
            where=str(folder),
            remedy="stop it first: end `grandrounds site start`, or its containers",
        )


def leave_federation(folder: Path) -> None:
    """Delete the node's key, the bundle and what came with it.

    Raises
    ------
    BadInput
        If the site runs, or a file cannot be deleted.
    """
    check_stopped(folder)
    forget(Node(folder / FOLDER))  # first: without its key nobody lets the site in
    try:
        for name in (bundles.FILE, FEDERATION):
            (folder / name).unlink(missing_ok=True)
        if (folder / ROSTER).is_dir():
            shutil.rmtree(folder / ROSTER)
    except OSError as error:
        raise BadInput(f"cannot delete it: {error.strerror}", where=str(folder)) from None
