"""What the coordinator asks Flower's Control interface for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.common.constant import NOOP_FLWR_AID, SUPERLINK_NODE_ID, SubStatus
from flwr.proto.control_pb2 import ListRunsRequest, ListRunsResponse
from flwr.server.superlink.linkstate import LinkState
from flwr.supercore.constant import NOOP_FEDERATION_ID, TaskType
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects, get_object_tree
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.config_loader import get_objectstore_linkstate_factories
from flwr.superlink.federation import NoOpFederationManager
from flwr.superlink.servicer.control import control_handlers

from grandrounds.running import control


def a_run_that_ended(state: LinkState) -> None:
    """Leave a question behind that its site never fetched."""
    node = state.create_node(NOOP_FLWR_AID, "north", b"key", 60)
    state.acknowledge_node_heartbeat(node, 60)
    run = state.create_run(
        "grandrounds", "1", None, {}, NOOP_FEDERATION_ID, None, NOOP_FLWR_AID, TaskType.SERVER_APP
    )
    task = state.get_run_info(run_ids=[run])[0].primary_task_id
    assert task is not None
    state.claim_task(task)
    state.activate_task(task)
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = task, run, SUPERLINK_NODE_ID
    content = RecordDict({"message": ConfigRecord({"bytes": b"sealed"})})
    message = Message(content, dst_node_id=node, message_type="query.publish", group_id="1")
    message.metadata.__dict__["_message_id"] = message.object_id
    assert state.store_message_ins(message)
    state.object_store.preregister(run, get_object_tree(message))
    for name, piece in get_all_nested_objects(message).items():
        state.object_store.put(name, piece.deflate())
    assert state.finish_task(task, SubStatus.COMPLETED, "")


# Flower's own, of how it calls alembic
@pytest.mark.filterwarnings("ignore:No path_separator found:DeprecationWarning")
def test_what_nobody_fetched_in_a_run_is_gone_when_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, factory = get_objectstore_linkstate_factories(
        str(tmp_path / "link.sqlite"), NoOpFederationManager()
    )
    state = factory.state()
    a_run_that_ended(state)
    assert state.num_message_ins() == 1
    assert len(state.object_store) > 0

    def list_runs(request: ListRunsRequest) -> ListRunsResponse:
        account = SimpleNamespace(flwr_aid=NOOP_FLWR_AID, account_name="")
        return control_handlers.list_runs(request, account, state)  # type: ignore[arg-type]

    @contextmanager
    def client(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ListRuns=list_runs, StartRun=lambda _: SimpleNamespace(run_id=7))

    monkeypatch.setenv(control.LINK, "here:1")
    monkeypatch.setattr(control, "_client", client)
    assert control.submit(tmp_path) == 7
    assert state.num_message_ins() == 0
    assert len(state.object_store) == 0
