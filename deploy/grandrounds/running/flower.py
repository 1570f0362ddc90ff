"""Flower's programs: which version we rely on, their environment, their command lines."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from grandrounds.provision.node import Node
from grandrounds.provision.tls import Tls
from grandrounds_protocol.errors import VersionSkew

FLOWER = "1.41.0"
"""The version whose inner names the guard replaces. With another one nothing starts."""
PROGRAMS = "grandrounds.running.programs"
"""The module that runs each of Flower's programs."""
LOOK = "FLWR_SUPEREXEC_TASK_POLL_INTERVAL"
"""Environment variable that says how many seconds pass between an executor's looks for work."""
POLL, SELDOM = 0.1, 1.0
"""A site's executor has something to do for every message, the coordinator's once in a run;
Flower's own is the latter."""


def check_flower() -> None:
    """Fail closed on any other version of Flower than the one that was read.

    Raises
    ------
    VersionSkew
    """
    found = version("flwr")
    if found != FLOWER:
        raise VersionSkew(
            f"Flower {found} is installed, and this release is made for {FLOWER}",
            remedy=f"pip install flwr=={FLOWER}",
        )


def replace(module: ModuleType, name: str, ours: Any) -> None:
    """Put ours in the place of one of Flower's names.

    Raises
    ------
    AttributeError
        If Flower has no such name: then nothing runs.
    """
    getattr(module, name)
    setattr(module, name, ours)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a program that keeps its state in `home`.

    Flower reports usage, looks for updates and installs what a bundle asks for, unless told not
    to. One thread, so that sums round as they do in a simulation. Two arenas of memory and not
    sixteen: what many threads free in turn otherwise lies about, and programs that live for
    months seem to grow.
    """
    return {
        **os.environ,
        "FLWR_HOME": str(home / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        LOOK: str(POLL),
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        **more,
    }


def superlink(
    host: str, port: int, *, tls: Tls, secret: Path, database: Path, health: str | None
) -> list[str]:
    """Return the SuperLink's command: TLS, registered nodes only, no code of its own to run."""
    return _program(
        "superlink",
        *("--host", host, "--port", str(port)),
        *("--ssl-ca-certfile", str(tls.root)),
        *("--ssl-certfile", str(tls.server)),
        *("--ssl-keyfile", str(tls.server_key)),
        "--enable-supernode-auth",
        *("--isolation", "process", "--superexec-auth-secret-file", str(secret)),
        *("--database", str(database)),
        "--disable-runtime-dependency-installation",
        *_health(health),
    )


def supernode(host: str, port: int, *, node: Node, secret: Path, health: str | None) -> list[str]:
    """Return the SuperNode's command; it reads the folder `node` and nothing else."""
    return _program(
        "supernode",
        *("--superlink", node.address, "--root-certificates", str(node.root)),
        *("--auth-supernode-private-key", str(node.key)),
        *("--host", host, "--port", str(port)),
        *("--isolation", "process", "--superexec-auth-secret-file", str(secret)),
        *_health(health),
    )


def superexec(
    role: str, address: str, *, secret: Path, ca: Path | None, health: str | None
) -> list[str]:
    """Return a SuperExec's command: `role` is `coordinator` or `site`; without `ca`, no TLS."""
    transport = ["--insecure"] if ca is None else ["--root-certificates", str(ca)]
    return _program(
        f"superexec-{role}",
        *("--runtime-api-address", address),
        *transport,
        *("--superexec-auth-secret-file", str(secret)),
        *_health(health),
    )


def _health(address: str | None) -> Sequence[str]:
    return () if address is None else ("--health-server-address", address)


def _program(name: str, *arguments: str) -> list[str]:
    # -P: nothing is imported from the working directory
    return [sys.executable, "-P", "-u", "-m", PROGRAMS, name, *arguments]
