"""Everything that is looked at before a coordinator starts, in order."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from grandrounds.doctor.connection import check_expiry, meet
from grandrounds.doctor.files import check_disk, check_modes
from grandrounds.doctor.finding import Finding, examined, failed, ok, warning
from grandrounds.doctor.membership import check_roster
from grandrounds.doctor.software import check_versions
from grandrounds.provision.coordinator_folder import (
    check_own,
    edge_port,
    open_coordinator,
    secret_file,
    state_folder,
    tls_of,
)
from grandrounds.provision.identity import KEYS, wall_clock
from grandrounds.provision.keyring import read_keys
from grandrounds.provision.secrets import read_secret
from grandrounds.provision.tls import read_certificate
from grandrounds.running.addresses import try_everywhere
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.times import spell
from grandrounds_protocol.transport import join_address

_LOOPBACK = "127.0.0.1"


def examine(folder: Path) -> Iterator[Finding]:
    """Look at a coordinator, one thing after another."""
    yield examined("versions", check_versions)
    yield examined("nginx", _nginx)
    yield examined("disk", partial(check_disk, folder, state_folder(folder)))
    yield examined("modes", partial(check_modes, folder, list(_secrets(folder))))
    yield examined("secret", partial(_secret, folder))
    yield examined("root", partial(_root, folder))
    yield examined("certificate", partial(_certificate, folder))
    yield examined("roster", partial(_roster, folder))
    yield examined("clock", _clock)
    yield examined("port", partial(_port, folder))


def _secrets(folder: Path) -> Iterator[Path]:
    yield from (folder / KEYS, state_folder(folder), secret_file(folder))
    yield from (folder / KEYS).glob("*.key")
    tls = tls_of(folder)
    yield from (tls.root_key.parent, tls.root_key, tls.server_key)


def _nginx() -> Finding:
    # a user's PATH often leaves out where Debian puts it
    if shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin"):
        return ok("nginx", "it is there, for the edge")
    return failed("nginx", "it is missing, and the edge is made of it", "apt-get install nginx")


def _secret(folder: Path) -> Finding:
    if len(read_secret(secret_file(folder)).strip()) < 32:
        return failed("secret", "it is too short to be one", f"restore {secret_file(folder)}")
    return ok("secret", "the processes of this coordinator know each other by it")


def _root(folder: Path) -> Finding:
    tls = tls_of(folder)
    if not tls.root_key.exists():
        return warning(
            "root",
            f"{tls.root_key} is gone: the server's next certificate cannot be signed",
            "restore it from a backup, at the latest when you renew",
        )
    certificate = read_certificate(tls.root)
    return check_expiry("root", "what sites check the server by", certificate, wall_clock())


def _certificate(folder: Path) -> Finding:
    tls = tls_of(folder)
    certificate, root = read_certificate(tls.server), read_certificate(tls.root)
    key = load_pem_private_key(read_secret(tls.server_key).encode(), None)
    mend = f"grandrounds coordinator renew {folder}"
    try:
        certificate.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError):
        return failed("certificate", "the server's is not signed by the root", mend)
    if key.public_key() != certificate.public_key():
        return failed("certificate", "the server's key is another one's", mend)
    return check_expiry("certificate", "the server's", certificate, wall_clock())


def _roster(folder: Path) -> Finding:
    opened = open_coordinator(folder)
    check_own(folder)
    own = tuple(pair.public for pair in read_keys(folder / KEYS))
    return check_roster(opened.roster, opened.roster.coordinator, own, wall_clock())


def _clock() -> Finding:
    # nobody to compare with that is to be trusted: a person looks
    return ok("clock", f"here it is {spell(wall_clock())}")


def _port(folder: Path) -> Finding:
    port = edge_port(folder)
    if not isinstance(meet(join_address(_LOOPBACK, port), tls_of(folder).root), Finding):
        return ok("port", f"{port} is this coordinator's, and answers")
    try:
        try_everywhere(port)
    except OSError as error:
        raise BadInput(
            f"port {port} cannot be had: {error.strerror}",
            remedy="stop what has it, choose another --port, or allow this user ports below 1024",
        ) from None
    return ok("port", f"{port} is free")
