"""A site's programs: the node, which sees the network and no data, and the executor beside it."""

import secrets as randomness
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from grandrounds.provision.identity import open_identity
from grandrounds.provision.node import FOLDER, Node
from grandrounds.provision.secrets import make_private_folder, write_new
from grandrounds.provision.site_folder import STATE, read_settings
from grandrounds.running import addresses, flower
from grandrounds.running import health as health_check
from grandrounds.running.folders import SITE
from grandrounds.running.lock import only_one
from grandrounds.running.parts import SitePart
from grandrounds.running.supervise import Program, supervise
from grandrounds_protocol.transport import join_address, split_address

PRIVATE = "node:9094"
"""Where the executor's container finds the node's."""
_SECRET_BYTES = 32


def start(folder: Path, only: SitePart | None = None, *, node: str | None = None) -> None:
    """Run a site's programs, or one of them, until told to end.

    Parameters
    ----------
    folder : Path
    only : SitePart or None
        The one part to run, for a container; None for both.
    node : str or None
        HOST:PORT by which the executor finds the node. None: a free port of this machine, or,
        with `only`, what the containers call it.

    Raises
    ------
    AlreadyRunning
        If a part runs already.
    BadInput
        If the site has not joined.
    BadLedger
        If the ledger is not as the site left it, or is gone.
    BadRoster, OpenToOthers, VersionSkew
    """
    flower.check_flower()
    if node is None:
        here = join_address(addresses.LOOPBACK, addresses.free_port())
        node = here if only is None else PRIVATE
    addresses.checked(node, "option --node")
    health = None if only is None else health_check.ADDRESS
    make: dict[SitePart, Callable[[], Program]] = {
        SitePart.NODE: partial(_node, folder, node, health),
        SitePart.EXECUTOR: partial(_executor, folder, node, health),
    }
    parts = tuple(SitePart) if only is None else (only,)
    if SitePart.NODE in parts:
        _ = Node(folder / FOLDER).address  # before anything is made: it may not have joined
    with ExitStack() as held:
        for part in parts:
            held.enter_context(only_one(state_of(folder, part)))
        supervise([make[part]() for part in parts], "" if only else _next(folder))


def _next(folder: Path) -> str:
    return (
        "the site is started, and takes part until told to end; in another terminal: "
        f"grandrounds site status {folder}"
    )


def state_of(folder: Path, part: SitePart) -> Path:
    """Return what a part keeps; the node's lies in the one folder it sees."""
    return folder / FOLDER / STATE if part is SitePart.NODE else folder / STATE


def _node(folder: Path, address: str, health: str | None) -> Program:
    home = state_of(folder, SitePart.NODE)
    host, port = split_address(address)
    command = flower.supernode(
        host if host == addresses.LOOPBACK else addresses.ANY,
        port,
        node=Node(folder / FOLDER),
        secret=_secret(folder),
        health=health,
    )
    return Program("node", command, flower.environment(home))


def _executor(folder: Path, address: str, health: str | None) -> Program:
    home = state_of(folder, SitePart.EXECUTOR)
    open_identity(folder, read_settings(folder).name)  # says now what would fail at each message
    # without TLS: one machine, or a network of the two containers; what goes over it is sealed
    command = flower.superexec("site", address, secret=_secret(folder), ca=None, health=health)
    named = {SITE: str(folder.resolve())}
    return Program("executor", command, flower.environment(home, **named))


def _secret(folder: Path) -> Path:
    """Return the file by which the node knows the executor; made once."""
    path = state_of(folder, SitePart.NODE) / "superexec"
    if not path.exists():
        make_private_folder(path.parent)
        write_new(path, randomness.token_hex(_SECRET_BYTES).encode())
    return path
