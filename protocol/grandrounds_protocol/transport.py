"""What connections go by: an address, a certificate, the key of a node.

They carry sealed and signed messages and decide who may connect, never what is believed.
"""

import ipaddress
import re
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)
from pydantic import AfterValidator, StringConstraints

PORTS = range(1, 65536)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_UNREADABLE = (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.InvalidVersion)


def check_host(host: str) -> str:
    """Return a host's name or IP address if it is one.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> check_host("rounds.example.org"), check_host("::1")
    ('rounds.example.org', '::1')
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        labels = host.split(".")
    # a last label of digits only would be an IP address misspelt
    sound = all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
    if len(host) > 253 or not sound:
        raise ValueError("expected the name of a host, or its IP address")
    return host


def join_address(host: str, port: int) -> str:
    """Return a host and a port as one text.

    >>> join_address("::1", 443)
    '[::1]:443'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_address(address: str) -> tuple[str, int]:
    """Return the host and the port of an address.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> split_address("[::1]:443")
    ('::1', 443)
    """
    host, _, port = address.rpartition(":")
    host = check_host(host.removeprefix("[").removesuffix("]"))
    if not port.isdecimal() or int(port) not in PORTS or join_address(host, int(port)) != address:
        raise ValueError("expected HOST:PORT")
    return host, int(port)


def _address(text: str) -> str:
    split_address(text)
    return text


def _authority_certificate(text: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (UnsupportedAlgorithm, *_UNREADABLE):
        raise ValueError("expected a certificate that says whether it may sign others") from None
    if certificate.public_bytes(Encoding.PEM).decode() != text:
        raise ValueError("expected one certificate in PEM and nothing else")
    if not constraints.value.ca:
        raise ValueError("this certificate may not sign others")
    return text


def _node_key(text: str) -> str:
    try:
        key = load_ssh_public_key(text.encode())
    except UnsupportedAlgorithm:
        raise ValueError("expected a key on the curve P-384") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP384R1):
        raise ValueError("expected a key on the curve P-384")  # noqa: TRY004 (pydantic's word)
    if key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() != text:
        raise ValueError("expected the key in OpenSSH's spelling and nothing else")
    return text


Address = Annotated[str, StringConstraints(max_length=300), AfterValidator(_address)]
"""HOST:PORT; an IPv6 address in brackets."""
AuthorityCertificate = Annotated[
    str, StringConstraints(max_length=4096), AfterValidator(_authority_certificate)
]
"""One X.509 certificate in PEM that may sign others: the root that connections are checked by."""
NodeKey = Annotated[str, StringConstraints(max_length=512), AfterValidator(_node_key)]
"""A public key on P-384 as OpenSSH writes it, without a comment: who may connect as a site."""
