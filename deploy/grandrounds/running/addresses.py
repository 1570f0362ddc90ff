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


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


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
