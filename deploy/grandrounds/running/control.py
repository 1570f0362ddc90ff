"""Flower's Control interface, asked on the coordinator's private side: register, run, look, stop.

Whoever reaches it can do all this; it knows no users. So the edge lets nobody through to it.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from flwr.common.serde import fab_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

from grandrounds.folder import read_text
from grandrounds.running.app_bundle import app_bundle, approved
from grandrounds.running.folders import Places
from grandrounds.running.parts import CoordinatorPart
from grandrounds_protocol.errors import BadInput, WorkFailed

log = logging.getLogger(__name__)

LINK = "GRANDROUNDS_LINK"
"""Environment variable that says where another container finds the SuperLink."""
ADDRESS = "address"
"""File in the link's state that says where it listens."""
FINISHED = "finished"
ONLINE = "online"
UNREGISTERED = "unregistered"


def register(places: Places, link: str) -> None:
    """Let exactly the sites of the roster connect, each by the node key the authority signed.

    A key that is not there any more is unregistered, which is final: Flower never takes it
    again. Done twice, nothing changes.

    Raises
    ------
    WorkFailed
        If the SuperLink does not answer.
    """
    wanted = {_key(path): site for site, path in places.nodes.items()}
    with _client(places, link) as client:
        known = {node.public_key: node for node in client.ListNodes(ListNodesRequest()).nodes_info}
        for key, node in known.items():
            if key not in wanted and node.status != UNREGISTERED:
                client.UnregisterNode(UnregisterNodeRequest(node_id=node.node_id))
        for key, site in wanted.items():
            if key not in known:
                client.RegisterNode(RegisterNodeRequest(public_key=key, name=site))
            elif known[key].status == UNREGISTERED:
                log.warning("%s comes with a node key that was revoked: it cannot connect", site)


def submit(folder: Path) -> int:
    """Start a Flower run of our app, which finds its order in the folder; return its number.

    Raises
    ------
    WorkFailed
        If the SuperLink does not answer, or takes no run.
    """
    places = Places(folder)
    bundle = Fab(approved(), app_bundle(), {})
    with _client(places, link_of(places)) as client:
        # Flower lets go of what nobody fetched in a run, payloads included, only where somebody
        # lists the run after its end: who followed it may have left, or been killed
        client.ListRuns(ListRunsRequest())
        started = client.StartRun(StartRunRequest(fab=fab_to_proto(bundle)))
    if not started.run_id:
        raise WorkFailed("the SuperLink took no run", where=str(folder))
    return started.run_id


def ended(folder: Path, run: int) -> str | None:
    """Return how a Flower run ended, in Flower's word; None while it has not.

    Raises
    ------
    WorkFailed
        If the SuperLink does not answer, or knows no such run.
    """
    places = Places(folder)
    with _client(places, link_of(places)) as client:
        found = client.ListRuns(ListRunsRequest(run_id=run)).run_dict
    if run not in found:
        raise WorkFailed(f"the SuperLink knows no run {run}", where=str(folder))
    status = found[run].status
    return status.sub_status if status.status == FINISHED else None


def stop(folder: Path, run: int) -> None:
    """End a Flower run at once.

    Raises
    ------
    WorkFailed
        If the SuperLink does not answer.
    """
    places = Places(folder)
    with _client(places, link_of(places)) as client:
        client.StopRun(StopRunRequest(run_id=run))


def statuses(folder: Path) -> dict[str, str]:
    """Return how each site's node is, in Flower's word, by the site's name.

    Raises
    ------
    BadInput
        If the coordinator never ran here.
    WorkFailed
        If the SuperLink does not answer.
    """
    places = Places(folder)
    with _client(places, link_of(places)) as client:
        found = client.ListNodes(ListNodesRequest()).nodes_info
    return {node.name: node.status for node in found if node.status != UNREGISTERED}


def link_of(places: Places) -> str:
    """Return where the SuperLink listens.

    Raises
    ------
    BadInput
        If it never ran here.
    """
    named = os.environ.get(LINK)
    if named:
        return named
    path = places.state(CoordinatorPart.LINK) / ADDRESS
    if not path.exists():
        raise BadInput(
            "the coordinator does not run here",
            where=str(places.folder),
            remedy=f"grandrounds coordinator start {places.folder}",
        )
    return read_text(path)


@contextmanager
def _client(places: Places, link: str) -> Iterator[ControlHttpClient]:
    client = ControlHttpClient.from_server_address(
        server_address=link,
        insecure=False,
        root_certificates=places.tls.root.read_bytes(),
        interceptors=[RuntimeVersionHttpInterceptor(component_name="grandrounds")],
    )
    try:
        yield client
    except httpx.HTTPError as error:
        raise WorkFailed(
            f"the SuperLink does not answer ({type(error).__name__})",
            where=link,
            remedy="grandrounds coordinator start DIR; see what it prints",
        ) from None
    finally:
        client.close()


def _key(path: Path) -> bytes:
    """Return a node's key as Flower spells it."""
    key = load_ssh_public_key(read_text(path).encode())
    if not isinstance(key, EllipticCurvePublicKey):
        raise BadInput("this is no key of a node", where=str(path))
    return public_key_to_bytes(key)
