"""Addresses within one machine or one private network."""

import socket
import urllib.error
import urllib.request
from pathlib import Path
from ssl import SSLContext, create_default_context

from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.transport import split_address

LOOPBACK = "127.0.0.1"
ANY = "0.0.0.0"  # noqa: S104 (within a container's private network)


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


def everywhere(port: int) -> tuple[str, ...]:
    """Return what nginx listens on for a port of all addresses of this machine.

    nginx does not start where it is told to listen on IPv6 and the machine has none.
    """
    return (str(port), f"[::]:{port}") if _has_ipv6() else (str(port),)


def try_everywhere(port: int) -> None:
    """Take a port of all addresses of this machine as nginx would, and let go of it.

    Raises
    ------
    OSError
        If somebody has it, or this user may not.
    """
    _take(socket.AF_INET, "", port)
    if _has_ipv6():
        _take(socket.AF_INET6, "::", port)


def _has_ipv6() -> bool:
    try:
        _take(socket.AF_INET6, "::", 0)
    except OSError:
        return False
    return True


def _take(family: socket.AddressFamily, address: str, port: int) -> None:
    with socket.socket(family) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))


def checked(address: str, where: str) -> tuple[str, int]:
    """Take an address apart that somebody typed.

    Raises
    ------
    BadInput
    """
    try:
        return split_address(address)
    except ValueError as error:
        raise BadInput(str(error), where=where) from None


def trusting(root: Path) -> SSLContext:
    """Return a TLS context that believes one root only, whatever the machine believes."""
    return create_default_context(cafile=str(root))


def answers(address: str, root: Path) -> bool:
    """Whether a server of ours says that it is well."""
    try:
        with urllib.request.urlopen(
            f"https://{address}/health", timeout=2, context=trusting(root)
        ) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
