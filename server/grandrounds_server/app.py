"""The Flower ServerApp of the coordinator. The only module here that knows Flower."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from flwr.app import Array, ArrayRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import HELLO, REFUSED, Failure
from grandrounds_server.rounds import Ask, Finished, Watch, run
from grandrounds_server.state import Plan
from grandrounds_server.steps import NO_ANSWER, Answer

log = logging.getLogger(__name__)

POLL = 0.25
"""Seconds between two looks for replies."""

FindNodes = Callable[[Grid], Mapping[str, int]]
"""From site names to Flower's node numbers."""


def server_app(
    plan: Plan,
    *,
    find_nodes: FindNodes,
    watch: Watch,
    done: Callable[[Finished], None],
    timeout: float = 3600.0,
) -> ServerApp:
    """Build the app; `done` gets the finished run, `timeout` is seconds per phase."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:  # noqa: ARG001
        ask = ask_over(grid, find_nodes(grid), timeout)
        done(run(plan, ask, clock=time.perf_counter, watch=watch))

    return app


def nodes_by_hello(grid: Grid, count: int, timeout: float) -> dict[str, int]:
    """Ask each node for its site's name, until `count` have answered or `timeout` seconds.

    Nodes may come while we wait. A name that two nodes claim is left out: better nobody is
    asked than the wrong one.
    """
    asked: dict[str, int] = {}
    names: dict[int, str] = {}
    deadline = time.monotonic() + timeout
    while len(names) < count and time.monotonic() < deadline:
        new = sorted(set(grid.get_node_ids()) - set(asked.values()))
        hellos = [_message(grid, node, HELLO, "0", b"") for node in new]
        asked.update(zip(grid.push_messages(hellos), new, strict=True))
        silent = [question for question, node in asked.items() if node not in names]
        for reply in _replies(grid, silent, time.monotonic()):
            node = asked[reply.metadata.reply_to_message_id]
            names[node] = _name(reply)
        time.sleep(POLL)
    claimed = Counter(names.values())
    return {name: node for node, name in names.items() if name and claimed[name] == 1}


def _name(reply: Message) -> str:
    if not reply.has_error():
        return _bytes(reply).decode(errors="replace")
    # any other code is Flower's, and its reason may be an exception's text, values included
    said = reply.error.reason if reply.error.code == REFUSED else f"Flower's {reply.error.code}"
    log.warning("a node could not say its name: %.200r", said)
    return ""


def ask_over(grid: Grid, nodes: Mapping[str, int], timeout: float) -> Ask:
    """Put instructions to sites through a Flower grid, `timeout` seconds for all of them."""

    def ask(instructions: Mapping[str, Instruction]) -> dict[str, Answer]:
        reachable = {site: text for site, text in instructions.items() if site in nodes}
        messages = [_question(grid, nodes[site], text) for site, text in reachable.items()]
        site_of = dict(zip(grid.push_messages(messages), reachable, strict=True))
        return {
            site_of[reply.metadata.reply_to_message_id]: _read(reply)
            for reply in _replies(grid, site_of, time.monotonic() + timeout)
        }

    return ask


def _replies(grid: Grid, asked: Iterable[str], deadline: float) -> Iterator[Message]:
    # by the question's id, never by src_node_id: any node can write another's number there
    waiting = set(asked)
    while waiting:
        for reply in grid.pull_messages(sorted(waiting)):
            if reply.metadata.reply_to_message_id in waiting:
                waiting.remove(reply.metadata.reply_to_message_id)
                yield reply
        if waiting and time.monotonic() > deadline:
            return
        if waiting:
            time.sleep(POLL)


def _question(grid: Grid, node: int, instruction: Instruction) -> Message:
    heading = instruction.heading
    return _message(grid, node, heading.phase, str(heading.round), instruction.to_bytes())


def _message(grid: Grid, node: int, action: str, group: str, data: bytes) -> Message:
    return grid.create_message(
        content=_wrap(data), message_type=f"query.{action}", dst_node_id=node, group_id=group
    )


def _wrap(data: bytes) -> RecordDict:
    array = Array("uint8", (len(data),), "grandrounds.bytes", data)
    return RecordDict({"message": ArrayRecord({"bytes": array})})


def _read(message: Message) -> Answer:
    if message.has_error():
        return Failure(code="SiteError", reason="the site could not be asked")
    data = _bytes(message)
    if not data:
        return NO_ANSWER
    try:
        return Reply.from_bytes(data)
    except GrandRoundsError as error:
        return Failure(code=error.code, reason=error.public)


def _bytes(message: Message) -> bytes:
    record = message.content.get("message")
    if not isinstance(record, ArrayRecord) or "bytes" not in record:
        return b""
    return bytes(record["bytes"].data)
