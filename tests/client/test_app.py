"""How bytes travel as a message of Flower's, from either side to the other."""

from collections.abc import Callable

import pytest
from flwr.app import ConfigRecord, ConfigRecordValues, Message, RecordDict

from grandrounds.in_process import InProcessGrid, read, write
from grandrounds_client.app import read_bytes, write_bytes
from grandrounds_protocol.records import WHOLE
from grandrounds_server import app as server_app
from tests.server.test_memory import heavy_app

Wrap = Callable[[bytes], RecordDict]
Unwrap = Callable[[Message], bytes]
SIDES = [(write_bytes, server_app._bytes), (server_app._wrap, read_bytes)]


def message(content: RecordDict) -> Message:
    grid = InProcessGrid(heavy_app(), ["a"])
    return grid.create_message(content, "query.publish", grid.nodes["a"], "1")


@pytest.mark.parametrize(("wrap", "unwrap"), SIDES, ids=["reply", "question"])
@pytest.mark.parametrize(("size", "pieces"), [(0, 3), (1, 3), (WHOLE, 3), (WHOLE + 1, 5)])
def test_what_is_sent_arrives_in_as_few_pieces_as_it_can(
    size: int, pieces: int, wrap: Wrap, unwrap: Unwrap
) -> None:
    data = bytes(size)
    written = write(message(wrap(data)))
    assert len(written.objects) == pieces
    assert unwrap(read(written)) == data


@pytest.mark.parametrize("unwrap", [read_bytes, server_app._bytes])
@pytest.mark.parametrize(
    "content", [{"bytes": "text"}, {"bytes": 1}, {"bytes": [b"a", b"b"]}], ids=str
)
def test_what_is_no_bytes_is_an_empty_message(
    content: dict[str, ConfigRecordValues], unwrap: Unwrap
) -> None:
    assert unwrap(message(RecordDict({"message": ConfigRecord(content)}))) == b""
