"""The coordinator's folder: what it has from the beginning, and what the authority added."""

import secrets as randomness
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grandrounds.folder import read_text
from grandrounds.provision import accepted, bundles, compose
from grandrounds.provision.identity import KEYS, ROSTER, wall_clock
from grandrounds.provision.keyring import add_keys, read_keys
from grandrounds.provision.secrets import make_private_folder, replace
from grandrounds.provision.tls import Tls, make_certificates, renew_server
from grandrounds_protocol.agreed import read_agreed
from grandrounds_protocol.bundle import OpenBundle
from grandrounds_protocol.enrolment import Application, Edge, sign_request
from grandrounds_protocol.errors import BadBundle, BadInput
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.transport import check_host, join_address, split_address
from grandrounds_server.office import Office

NAME = "coordinator"
"""Of every coordinator, on every roster."""
FEDERATION, REQUEST = "federation.toml", "enrolment.json"
_TLS, _SECRET, _NODES, _STATE = "tls", "secrets/superexec", "nodes", "state"
_READABLE = 0o644
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Coordinator:
    """A coordinator whose bundle was accepted, opened.

    Attributes
    ----------
    folder : Path
    keys : KeyPair
        Those that the roster knows it by.
    roster : Roster
        Accepted last.
    federation : Federation
        As the authority signed it.
    address : str
        HOST:PORT, for the world.
    nodes : mapping of str to Path
        File of each site's node key.
    """

    folder: Path
    keys: KeyPair
    roster: Roster
    federation: Federation
    address: str
    nodes: Mapping[str, Path]

    @property
    def tls(self) -> Tls:
        """Where its certificates lie."""
        return tls_of(self.folder)

    @property
    def secret(self) -> Path:
        """The file by which its own processes know each other."""
        return secret_file(self.folder)

    @property
    def state(self) -> Path:
        """The folder for what runs keep; its owner's only."""
        return state_folder(self.folder)

    @property
    def office(self) -> Office:
        """The desk at which instructions are signed."""
        return Office(self.keys, self.roster, wall_clock)


def tls_of(folder: Path) -> Tls:
    """Where a coordinator's certificates lie."""
    return Tls(folder / _TLS)


def secret_file(folder: Path) -> Path:
    """Where the secret of its own processes lies."""
    return folder / _SECRET


def state_folder(folder: Path) -> Path:
    """Where its runs keep what they keep."""
    return folder / _STATE


def begin(folder: Path, federation: Path, hosts: Sequence[str], port: int) -> Member:
    """Make all that a coordinator has of its own, and its request to be enrolled.

    Raises
    ------
    BadInput
        If there is a coordinator already, or the federation or a host cannot be used.
    """
    if (folder / KEYS).exists():
        raise BadInput(
            "a coordinator lives here already",
            where=str(folder),
            remedy="grandrounds coordinator renew DIR makes a new certificate and request",
        )
    text = read_text(federation)
    read_agreed(text, str(federation))
    make_certificates(tls_of(folder), hosts, wall_clock())
    make_private_folder(secret_file(folder).parent)
    replace(secret_file(folder), randomness.token_hex(_SECRET_BYTES).encode())
    make_private_folder(state_folder(folder))
    # containers mount these alone, and docker would make them as root
    for mounted in (folder / _NODES, state_folder(folder) / "link", state_folder(folder) / "edge"):
        make_private_folder(mounted)
    replace(folder / FEDERATION, text.encode(), _READABLE)
    compose.write_environment(folder, COORDINATOR_HOST=hosts[0], EDGE_PORT=str(port))
    # the keys last: a beginning that broke off can begin again
    add_keys(folder / KEYS)
    return request(folder)


def renew(folder: Path) -> Member:
    """Make a new server certificate, and a request with `federation.toml` as it now is.

    Raises
    ------
    BadInput, OpenToOthers
    """
    read_keys(folder / KEYS)
    read_agreed(read_text(folder / FEDERATION), str(folder / FEDERATION))
    renew_server(tls_of(folder), wall_clock())
    return request(folder)


def request(folder: Path) -> Member:
    """Ask to be enrolled, by the newest keys and what lies in the folder.

    Raises
    ------
    BadInput, OpenToOthers
    """
    keys = read_keys(folder / KEYS)[0]
    member = Member(name=NAME, role="coordinator", keys=keys.public)
    edge = Edge(
        address=_address(folder),
        ca=read_text(tls_of(folder).root),
        federation=read_text(folder / FEDERATION),
    )
    application = Application(created=wall_clock(), member=member, edge=edge)
    replace(folder / REQUEST, sign_request(application, keys), _READABLE)
    return member


def accept_bundle(folder: Path, data: bytes, confirm: Callable[[OpenBundle], object]) -> OpenBundle:
    """Go by a bundle: its roster, its federation, its sites' node keys.

    Parameters
    ----------
    folder : Path
        The coordinator's.
    data : bytes
        The bundle's file.
    confirm : callable
        Is shown the first bundle, before its authority is pinned, and raises where it is not
        the right one.

    Raises
    ------
    BadBundle
        If another authority signed it, it was changed, or it names another coordinator.
    Rollback, Stale, ClockSkew
    BadInput, OpenToOthers
    """
    roster, now = folder / ROSTER, wall_clock()
    bundle = bundles.offered(folder, roster, data)
    _check_mine(folder, bundle)
    rostered = bundle.bundle.roster.encode()
    if accepted.is_pinned(roster):
        trust = accepted.read_trust(roster)
        accepted.keep(roster, trust.accept(trust.offered(rostered, now)), rostered)
    else:
        confirm(bundle)
        accepted.pin(roster, bundle.authority.fingerprint, rostered, now)
    _write_nodes(folder / _NODES, bundle.bundle.nodes)
    bundles.keep(folder, bundle)
    return bundle


def open_coordinator(folder: Path) -> Coordinator:
    """Open a coordinator's folder.

    Raises
    ------
    BadInput
        If there is no coordinator here, or it has accepted no bundle.
    BadBundle, BadRoster, OpenToOthers
    """
    pairs = read_keys(folder / KEYS)
    if not (folder / bundles.FILE).exists():
        raise BadInput(
            "this coordinator has accepted no bundle yet",
            where=str(folder),
            remedy=f"grandrounds coordinator start {folder} BUNDLE; the authority has it",
        )
    bundle = bundles.read(folder, folder / ROSTER)
    make_private_folder(state_folder(folder))
    return Coordinator(
        folder=folder,
        keys=_keys_on(bundle.roster, pairs),
        roster=bundle.roster,
        federation=bundle.federation,
        address=bundle.bundle.address,
        nodes={name: _node_file(folder / _NODES, name) for name in bundle.roster.sites},
    )


def check_own(folder: Path) -> None:
    """Check that the bundle accepted last is about this coordinator as it now is.

    Raises
    ------
    BadBundle
        If it has other keys, another address, certificate or federation.
    BadInput, OpenToOthers
    """
    _check_mine(folder, bundles.read(folder, folder / ROSTER))


def edge_port(folder: Path) -> int:
    """Return the port that sites use.

    Raises
    ------
    BadInput
    """
    return split_address(_address(folder))[1]


def _keys_on(roster: Roster, pairs: Sequence[KeyPair]) -> KeyPair:
    public = roster.coordinator.keys
    for pair in pairs:
        if pair.public == public:
            return pair
    raise BadBundle(
        "the bundle names another coordinator than this one",
        remedy="give the authority this coordinator's enrolment.json",
    )


def _check_mine(folder: Path, bundle: OpenBundle) -> None:
    """Refuse a bundle by which sites would look for another coordinator than this one."""
    _keys_on(bundle.roster, read_keys(folder / KEYS))
    mine = (
        ("address", _address(folder), bundle.bundle.address),
        ("root certificate", read_text(tls_of(folder).root), bundle.bundle.ca),
        (FEDERATION, read_text(folder / FEDERATION), bundle.bundle.federation),
    )
    for what, here, there in mine:
        if here != there:
            raise BadBundle(
                f"the bundle has another {what} than this coordinator",
                where=str(folder),
                remedy=f"grandrounds coordinator renew {folder}, and enrol its {REQUEST} anew",
            )


def _write_nodes(folder: Path, nodes: Mapping[str, str]) -> None:
    make_private_folder(folder)
    for name, key in nodes.items():
        replace(_node_file(folder, name), f"{key}\n".encode(), _READABLE)
    for path in folder.glob("*.pub"):
        if path.name.removesuffix(".pub") not in nodes:
            path.unlink()


def _node_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pub"


def _address(folder: Path) -> str:
    path = folder / compose.FILE
    lines = (line.partition("=") for line in read_text(path).splitlines())
    found = {name: value for name, _, value in lines}
    try:
        return join_address(check_host(found["COORDINATOR_HOST"]), int(found["EDGE_PORT"]))
    except (KeyError, ValueError):
        raise BadInput(
            "COORDINATOR_HOST and EDGE_PORT are not there, or are none", where=str(path)
        ) from None
