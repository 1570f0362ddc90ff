"""A coordinator's programs: the SuperLink, the executor of rounds, and the edge."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from grandrounds.provision.coordinator_folder import open_coordinator
from grandrounds.provision.secrets import replace
from grandrounds.running import addresses, edge, flower
from grandrounds.running import health as health_check
from grandrounds.running.control import ADDRESS, register
from grandrounds.running.folders import COORDINATOR, Places
from grandrounds.running.lock import only_one
from grandrounds.running.parts import CoordinatorPart
from grandrounds.running.supervise import Program, supervise
from grandrounds_protocol.transport import join_address, split_address

PRIVATE = "superlink:8000"
"""Where the other containers find the SuperLink."""


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
    if only in (None, CoordinatorPart.EXECUTOR):
        open_coordinator(folder)  # says now what would fail in the middle of a run
    if link is None:
        here = join_address(addresses.LOOPBACK, addresses.free_port())
        link = here if only is None else PRIVATE
    addresses.checked(link, "option --link")
    places, health = Places(folder.resolve()), None if only is None else health_check.ADDRESS
    make: dict[CoordinatorPart, Callable[[], Program]] = {
        CoordinatorPart.LINK: partial(_link, places, link, health),
        CoordinatorPart.EXECUTOR: partial(_executor, places, link, health),
        CoordinatorPart.EDGE: partial(_edge, places, link, port),
    }
    parts = tuple(CoordinatorPart) if only is None else (only,)
    with ExitStack() as held:
        for part in parts:
            held.enter_context(only_one(places.state(part)))
        supervise([make[part]() for part in parts], "" if only else _next(folder))


def _next(folder: Path) -> str:
    return (
        "the coordinator is started; once the sites are, in another terminal: "
        f"grandrounds coordinator run {folder} --rounds 1"
    )


def _link(places: Places, address: str, health: str | None) -> Program:
    home = places.state(CoordinatorPart.LINK)
    replace(home / ADDRESS, address.encode())
    host, port = split_address(address)
    here = join_address(addresses.LOOPBACK, port)
    command = flower.superlink(
        host if host == addresses.LOOPBACK else addresses.ANY,
        port,
        tls=places.tls,
        secret=places.secret,
        database=home / "link.sqlite",
        health=health,
    )
    return Program(
        "link",
        command,
        flower.environment(home),
        ready=partial(addresses.answers, here, places.tls.root),
        once_ready=partial(register, places, here),
    )


def _executor(places: Places, link: str, health: str | None) -> Program:
    command = flower.superexec(
        "coordinator", link, secret=places.secret, ca=places.tls.root, health=health
    )
    home = places.state(CoordinatorPart.EXECUTOR)
    named = {COORDINATOR: str(places.folder), flower.LOOK: str(flower.SELDOM)}
    return Program("executor", command, flower.environment(home, **named))


def _edge(places: Places, link: str, port: int | None) -> Program:
    if port is None:
        port = split_address(open_coordinator(places.folder).address)[1]
    home = places.state(CoordinatorPart.EDGE)
    listen = addresses.everywhere(port)
    command = edge.command(home, places.tls, listen=listen, link=link)
    return Program("edge", command, dict(os.environ))
