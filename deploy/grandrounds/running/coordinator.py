"""A coordinator's programs: the SuperLink, the executor of rounds, and the edge."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from grandrounds.provision.coordinator_folder import Coordinator, open_coordinator
from grandrounds.provision.secrets import make_private_folder, replace
from grandrounds.running import addresses, edge, flower
from grandrounds.running.control import ADDRESS, register
from grandrounds.running.folders import COORDINATOR
from grandrounds.running.lock import only_one
from grandrounds.running.parts import CoordinatorPart
from grandrounds.running.supervise import Program, supervise
from grandrounds_protocol.transport import join_address, split_address

PRIVATE = "superlink:8000"
"""Where the other containers find the SuperLink."""
HEALTH = "127.0.0.1:9099"
"""Where a container's own check asks Flower whether it is well (gRPC)."""


def start(
    folder: Path,
    only: CoordinatorPart | None = None,
    *,
    link: str | None = None,
    port: int | None = None,
) -> None:
    """Run a coordinator's programs, or one of them, until told to end.

    Parameters
    ----------
    folder : Path
    only : CoordinatorPart or None
        The one part to run, for a container; None for all.
    link : str or None
        HOST:PORT of the SuperLink within the coordinator. None: a free port of this machine,
        or, with `only`, what the containers call it.
    port : int or None
        Where the edge listens. None: the port of the coordinator's address.

    Raises
    ------
    AlreadyRunning
        If a part runs already.
    BadInput, BadRoster, BadBundle, OpenToOthers, VersionSkew
    """
    flower.check_flower()
    coordinator = open_coordinator(folder)
    if link is None:
        here = join_address(addresses.LOOPBACK, addresses.free_port())
        link = here if only is None else PRIVATE
    listen = port or split_address(coordinator.address)[1]
    health = None if only is None else HEALTH
    make: dict[CoordinatorPart, Callable[[], Program]] = {
        CoordinatorPart.LINK: partial(_link, coordinator, link, health),
        CoordinatorPart.EXECUTOR: partial(_executor, coordinator, link, health),
        CoordinatorPart.EDGE: partial(_edge, coordinator, link, listen),
    }
    parts = tuple(CoordinatorPart) if only is None else (only,)
    with ExitStack() as held:
        for part in parts:
            held.enter_context(only_one(coordinator.state / part))
        supervise([make[part]() for part in parts])


def _link(coordinator: Coordinator, address: str, health: str | None) -> Program:
    home = coordinator.state / CoordinatorPart.LINK
    replace(home / ADDRESS, address.encode())
    host, port = split_address(address)
    command = flower.superlink(
        host if host == addresses.LOOPBACK else addresses.ANY,
        port,
        tls=coordinator.tls,
        secret=coordinator.secret,
        database=home / "link.sqlite",
        health=health,
    )
    return Program(
        "link",
        command,
        flower.environment(home),
        ready=partial(
            addresses.answers, join_address(addresses.LOOPBACK, port), coordinator.tls.root
        ),
        once_ready=partial(register, coordinator, join_address(addresses.LOOPBACK, port)),
    )


def _executor(coordinator: Coordinator, link: str, health: str | None) -> Program:
    home = coordinator.state / CoordinatorPart.EXECUTOR
    command = flower.superexec(
        "coordinator", link, secret=coordinator.secret, ca=coordinator.tls.root, health=health
    )
    named = {COORDINATOR: str(coordinator.folder.resolve())}
    return Program("executor", command, flower.environment(home, **named))


def _edge(coordinator: Coordinator, link: str, port: int) -> Program:
    home = (coordinator.state / CoordinatorPart.EDGE).resolve()
    make_private_folder(home)
    command = edge.command(home, coordinator.tls, listen=str(port), link=link)
    return Program("edge", command, dict(os.environ))
