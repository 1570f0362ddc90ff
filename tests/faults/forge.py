"""What a registered node can do beside its own work: Flower believes any number it writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from flwr.app import Array, ArrayRecord, Message, RecordDict
from flwr.app.message.message import remove_content_from_message
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.common.serde import message_to_proto
from flwr.proto.control_pb2 import ListNodesRequest
from flwr.proto.fleet_pb2 import PushMessagesRequest
from flwr.proto.message_pb2 import PushObjectRequest
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import get_object_tree
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.task_identity import TaskIdentity
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from grandrounds.in_process import write
from grandrounds.provision import node as provision
from grandrounds.provision.coordinator_folder import open_coordinator
from grandrounds.provision.identity import KEYS, wall_clock
from grandrounds.provision.keyring import read_keys
from grandrounds.running import control
from grandrounds.running.folders import Places
from grandrounds_protocol.records import Phase
from grandrounds_protocol.signed import Purpose, SignedHead, sign_message
from tests.faults.stack import VICTIM, Stack

ATTACKER = "west"
LIFE = 3600


def nodes(stack: Stack) -> dict[str, int]:
    """Return Flower's number of each site."""
    places = Places(stack.world.coordinator)
    with control._client(places, control.link_of(places)) as client:
        found = client.ListNodes(ListNodesRequest()).nodes_info
    return {node.name: node.node_id for node in found}


def signed_by_attacker(stack: Stack, purpose: Purpose) -> RecordDict:
    """Write a message as from coordinator to victim, or back, with the attacker's own keys."""
    roster = open_coordinator(stack.world.coordinator).roster
    ends = (roster.coordinator.name, VICTIM)
    signer, to = ends if purpose == "instruction" else reversed(ends)
    now = wall_clock()
    head = SignedHead(
        purpose=purpose,
        roster=roster.fingerprint,
        signer=signer,
        to=to,
        created=now,
        expires=now + LIFE,
    )
    keys = read_keys(stack.world.sites[ATTACKER] / KEYS)[0]
    data = sign_message(b"{}", head, keys)
    array = Array("uint8", (len(data),), "grandrounds.bytes", data)
    return RecordDict({"message": ArrayRecord({"bytes": array})})


def instruction(stack: Stack, flower_run: int, phase: Phase, content: RecordDict) -> Message:
    """Return a message that seems to come from the SuperLink."""
    TaskIdentity.run_id, TaskIdentity.node_id = flower_run, SUPERLINK_NODE_ID
    return Message(content, nodes(stack)[VICTIM], f"query.{phase}")


def reply(question: str, seeming: Message, content: RecordDict) -> Message:
    """Return a message that seems to answer a question in the name of whom it was put to."""
    seeming.metadata.__dict__["_message_id"] = question  # the property has no setter
    # may live no longer than its question, which is older than what it seems to answer here
    return Message(content, ttl=LIFE, reply_to=seeming)


def question_to_victim(stack: Stack, flower_run: int, phase: Phase) -> str:
    """Return Flower's name of the question at hand, which an attacker would have to know."""
    path = Places(stack.world.coordinator).folder / "state" / "link" / "link.sqlite"
    asked = (
        "SELECT message_id, run_id FROM message_ins WHERE message_type = ? "
        "AND dst_node_id = ? ORDER BY created_at DESC"
    )
    signed = _as_sqlite(nodes(stack)[VICTIM])
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found = database.execute(asked, (f"query.{phase}", signed)).fetchall()
    return next(str(name) for name, run in found if run == _as_sqlite(flower_run))


def _as_sqlite(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def push(stack: Stack, message: Message) -> None:
    """Send it through the edge, as the attacker's registered node."""
    node = Node(node_id=nodes(stack)[ATTACKER])
    written = write(message)
    message.metadata.__dict__["_message_id"] = written.name
    request = PushMessagesRequest(
        node=node,
        messages_list=[message_to_proto(remove_content_from_message(message))],
        message_object_trees=[get_object_tree(message)],
        clientapp_runtime_list=[0.0],
    )
    with _connected(stack) as client:
        taken = client.PushMessages(request)
        for name in taken.objects_to_push:
            client.PushObject(
                PushObjectRequest(
                    node=node,
                    run_id=message.metadata.run_id,
                    session_id=taken.session_id,
                    object_id=name,
                    object_content=written.objects[name],
                )
            )


@contextmanager
def _connected(stack: Stack) -> Iterator[FleetHttpClient]:
    place = provision.Node(stack.world.sites[ATTACKER] / provision.FOLDER)
    key = load_ssh_private_key(place.key.read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    with FleetHttpClient.from_server_address(
        place.address,
        insecure=False,
        root_certificates=str(place.root),
        interceptors=[
            RuntimeVersionHttpInterceptor(component_name="SuperNode"),
            NodeAuthHttpInterceptor(key, key.public_key()),
        ],
    ) as client:
        yield client
