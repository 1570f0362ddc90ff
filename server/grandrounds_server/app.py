"""The Flower ServerApp of the coordinator. The only module here that knows Flower."""

import time
from collections.abc import Callable, Iterator, Mapping

from flwr.app import Array, ArrayRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import Failure
from grandrounds_server.rounds import Ask, Finished, Watch, run
from grandrounds_server.state import Plan
from grandrounds_server.steps import NO_ANSWER, Answer

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


def ask_over(grid: Grid, nodes: Mapping[str, int], timeout: float) -> Ask:
    """Put instructions to sites through a Flower grid, `timeout` seconds for all of them."""

    def ask(instructions: Mapping[str, Instruction]) -> dict[str, Answer]:
        reachable = {site: text for site, text in instructions.items() if site in nodes}
        messages = [_message(grid, nodes[site], text) for site, text in reachable.items()]
        site_of = dict(zip(grid.push_messages(messages), reachable, strict=True))
        return {
            site_of[reply.metadata.reply_to_message_id]: _read(reply)
            for reply in _replies(grid, site_of, time.monotonic() + timeout)
        }

    return ask


def _replies(grid: Grid, site_of: Mapping[str, str], deadline: float) -> Iterator[Message]:
    # by the question's id, never by src_node_id: any node can write another's number there
    waiting = set(site_of)
    while waiting:
        for reply in grid.pull_messages(sorted(waiting)):
            if reply.metadata.reply_to_message_id in waiting:
                waiting.remove(reply.metadata.reply_to_message_id)
                yield reply
        if waiting and time.monotonic() > deadline:
            return
        if waiting:
            time.sleep(POLL)


def _message(grid: Grid, node: int, instruction: Instruction) -> Message:
    return grid.create_message(
        content=_wrap(instruction.to_bytes()),
        message_type=f"query.{instruction.heading.phase}",
        dst_node_id=node,
        group_id=str(instruction.heading.round),
    )


def _wrap(data: bytes) -> RecordDict:
    array = Array("uint8", (len(data),), "grandrounds.bytes", data)
    return RecordDict({"message": ArrayRecord({"bytes": array})})


def _read(message: Message) -> Answer:
    if message.has_error():
        return Failure(code="SiteError", reason="the site could not be asked")
    record = message.content.get("message")
    if not isinstance(record, ArrayRecord) or "bytes" not in record:
        return NO_ANSWER
    try:
        return Reply.from_bytes(bytes(record["bytes"].data))
    except GrandRoundsError as error:
        return Failure(code=error.code, reason=error.public)
