"""The coordinator's certificates: a root of its own (CA), and the server's, which it signs.

No registry is asked: sites get the root in the bundle that the authority signed. EC P-384.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from grandrounds.provision.secrets import make_private_folder, read_secret, replace
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.transport import check_host

READABLE = 0o644
ROOT_DAYS, SERVER_DAYS = 3650, 825
"""825 days is the most that browsers and operating systems took for a server (CA/B Forum)."""
PRIVATE_NAMES = ("localhost", "127.0.0.1", "superlink")
"""What the coordinator's own processes call the server by, beside the name for the world."""
_EARLIER = timedelta(minutes=10)
"""So that a site whose clock is a little behind does not refuse a new certificate."""


@dataclass(frozen=True)
class Tls:
    """Where the certificates lie.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def root_key(self) -> Path:
        """Key of the root: whoever has it can pretend to be the server.

        Beside the folder: the edge and the SuperLink see that one, and have no use for this key.
        """
        return self.folder.parent / "root" / "ca.key"

    @property
    def root(self) -> Path:
        """Certificate of the root."""
        return self.folder / "ca.pem"

    @property
    def server_key(self) -> Path:
        """Key of the server."""
        return self.folder / "server.key"

    @property
    def server(self) -> Path:
        """Certificate of the server."""
        return self.folder / "server.pem"


def make_certificates(tls: Tls, hosts: Sequence[str], now: int) -> None:
    """Make the root, and a server's certificate for these names and addresses.

    Raises
    ------
    BadInput
        If a host is none.
    """
    names = _names(hosts)
    make_private_folder(tls.folder)
    make_private_folder(tls.root_key.parent)
    key = generate_private_key(SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "grandrounds coordinator root")])
    signer = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    root = (
        _builder(key, name, name, now, ROOT_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(signer, critical=False)
        .sign(key, hashes.SHA384())
    )
    replace(tls.root_key, _private(key))
    replace(tls.root, root.public_bytes(Encoding.PEM), READABLE)
    _certify(tls, names, now)


def renew_server(tls: Tls, now: int) -> None:
    """Make the server a new key and a new certificate for the names it had.

    Raises
    ------
    BadInput, OpenToOthers
    """
    found = read_certificate(tls.server).extensions
    names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    _certify(tls, list(names), now)


def read_certificate(path: Path) -> x509.Certificate:
    """Read a certificate.

    Raises
    ------
    BadInput
        If there is none.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise BadInput(
            "there is no certificate here", where=str(path), remedy="restore it from a backup"
        ) from None


def _certify(tls: Tls, names: Sequence[x509.GeneralName], now: int) -> None:
    root, signing = read_certificate(tls.root), _read_key(tls.root_key)
    key = generate_private_key(SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "grandrounds coordinator")])
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    server = (
        _builder(key, subject, root.subject, now, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(signer, critical=False)
        .sign(signing, hashes.SHA384())
    )
    replace(tls.server_key, _private(key))
    replace(tls.server, server.public_bytes(Encoding.PEM), READABLE)


def _builder(
    key: EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, now: int, days: int
) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(now, UTC) - _EARLIER
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    try:
        checked = [check_host(host) for host in hosts]
    except ValueError as error:
        raise BadInput(str(error), where="option --host") from None
    return [_general(host) for host in dict.fromkeys((*checked, *PRIVATE_NAMES))]


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_key(path: Path) -> EllipticCurvePrivateKey:
    text = read_secret(path)
    try:
        key = load_pem_private_key(text.encode(), None)
    except ValueError:
        key = None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise BadInput("this is no key", where=str(path), remedy="restore it from a backup")
    return key
