"""The folder `node`: all that the process of a site that faces the network may see.

Its key says which connection is the site's. No message is believed for it: that takes the keys
in `keys`, which the network-facing process never sees.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from grandrounds.folder import read_text
from grandrounds.provision.secrets import make_private_folder, replace, write_new
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.settings import Settings, parse_settings
from grandrounds_protocol.transport import Address, AuthorityCertificate

FOLDER = "node"
READABLE = 0o644


class NodeSettings(Settings):
    """`node.toml`: where the coordinator is."""

    address: Address


@dataclass(frozen=True)
class Node:
    """Where the parts of the folder lie.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def key(self) -> Path:
        """The private key, as OpenSSH writes it."""
        return self.folder / "node.key"

    @property
    def public_key(self) -> Path:
        """The public key, likewise."""
        return self.folder / "node.pub"

    @property
    def root(self) -> Path:
        """The certificate that the coordinator's is checked by."""
        return self.folder / "ca.pem"

    @property
    def settings(self) -> Path:
        """The file that says where the coordinator is."""
        return self.folder / "node.toml"

    @property
    def address(self) -> str:
        """HOST:PORT of the coordinator.

        Raises
        ------
        BadInput
            If the site has not joined yet.
        """
        if not self.settings.exists():
            raise BadInput(
                "this site has not joined yet",
                where=str(self.settings),
                remedy="grandrounds site join DIR BUNDLE",
            )
        return parse_settings(NodeSettings, read_text(self.settings), str(self.settings)).address


def make_node_key(node: Node) -> str:
    """Make the node's key where there is none; return the public one.

    Raises
    ------
    BadInput
    """
    if not node.key.exists():
        make_private_folder(node.folder)
        key = generate_private_key(SECP384R1())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        # the public one first: a key is there when both are
        replace(node.public_key, public + b"\n", READABLE)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        write_new(node.key, secret)
    return read_text(node.public_key).strip()


def point_to(node: Node, address: Address, root: AuthorityCertificate) -> None:
    """Say where the coordinator is, and by which certificate it is known.

    Raises
    ------
    BadInput
    """
    replace(node.root, root.encode(), READABLE)
    replace(node.settings, f'address = "{address}"\n'.encode(), READABLE)


def forget(node: Node) -> None:
    """Delete the key and where the coordinator is: nobody connects as this site any more.

    Raises
    ------
    BadInput
    """
    for path in (node.key, node.public_key, node.root, node.settings):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(f"cannot delete it: {error.strerror}", where=str(path)) from None
