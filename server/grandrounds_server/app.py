"""The Flower ServerApp of the coordinator. The only module here that knows Flower."""

import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from flwr.app import Array, ArrayRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import HELLO, REFUSED, Failure, Heading, Phase
from grandrounds_server.office import Office, digest_of
from grandrounds_server.rounds import Ask, Finished, Watch, run
from grandrounds_server.state import Plan
from grandrounds_server.steps import NO_ANSWER, Answer

log = logging.getLogger(__name__)

CHALLENGE_BYTES = 32
POLL = 0.25
"""Seconds between two looks for replies."""

FEW = 8
"""Replies taken at a time: no more than these are in memory at once."""

UNASKED = Failure(code="SiteError", reason="the site could not be asked")

FindNodes = Callable[[Grid], Mapping[str, int]]
"""From site names to Flower's node numbers."""
Meter = Callable[[Phase, int, int], None]
"""Hears the phase and the bytes, out and in, of every message."""


def unmetered(phase: Phase, sent: int, received: int) -> None:
    """Count nothing."""


def server_app(
    plan: Plan,
    *,
    office: Office,
    find_nodes: FindNodes,
    watch: Watch,
    done: Callable[[Finished], None],
    timeout: float = 3600.0,
    meter: Meter = unmetered,
) -> ServerApp:
    """Build the app; `done` gets the finished run.

    `timeout` is how many seconds a phase waits for answers once its last question is out.
    """
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:  # noqa: ARG001
        ask = ask_over(grid, find_nodes(grid), office, timeout, meter)
        done(run(plan, ask, clock=time.perf_counter, watch=watch))

    return app


def nodes_by_hello(grid: Grid, office: Office, count: int, timeout: float) -> dict[str, int]:
    """Ask each node for its site's name, until `count` have answered or `timeout` seconds.

    Nodes may come while we wait. A site signs a challenge that was never used before, so a
    node cannot take another site's name. A name that two nodes hold is left out.
    """
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    asked: dict[str, int] = {}
    names: dict[int, str] = {}
    deadline = time.monotonic() + timeout
    while len(names) < count and time.monotonic() < deadline:
        new = sorted(set(grid.get_node_ids()) - set(asked.values()))
        hellos = [_message(grid, node, HELLO, "0", challenge) for node in new]
        asked.update(zip(grid.push_messages(hellos), new, strict=True))
        silent = [question for question, node in asked.items() if node not in names]
        for reply in _replies(grid, silent, time.monotonic()):
            node = asked[reply.metadata.reply_to_message_id]
            names[node] = _name(reply, office, challenge)
        time.sleep(POLL)
    claimed = Counter(names.values())
    return {name: node for node, name in names.items() if name and claimed[name] == 1}


def _name(reply: Message, office: Office, challenge: bytes) -> str:
    if not reply.has_error():
        try:
            return office.name(_bytes(reply), challenge)
        except GrandRoundsError as error:
            log.warning("a node could not prove its name: %s", error.code)
            return ""
    # any other code is Flower's, and its reason may be an exception's text, values included
    said = reply.error.reason if reply.error.code == REFUSED else f"Flower's {reply.error.code}"
    log.warning("a node could not say its name: %.200r", said)
    return ""


def ask_over(
    grid: Grid,
    nodes: Mapping[str, int],
    office: Office,
    timeout: float,
    meter: Meter = unmetered,
) -> Ask:
    """Put instructions to sites through a Flower grid, one by one, and give what comes back.

    Instructions leave signed; a reply that its site did not sign for this very question is
    refused, and costs that site's contribution.

    Replies are taken while others are still to be asked, a few at a time, so that neither
    all questions nor all answers are ever in memory together.
    """

    def ask(instructions: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
        asked: dict[str, _Question] = {}
        waiting: deque[str] = deque()
        for site, instruction in instructions:
            if site in nodes:
                body = instruction.to_bytes()
                question = _Question(instruction.heading, digest_of(body))
                taken = _push(grid, nodes[site], question.heading, office.sign(body, site), meter)
                asked.update(dict.fromkeys(taken, question))
                waiting.extend(taken)
                if waiting:
                    yield from read(asked, _some_replies(grid, waiting))
        yield from read(asked, _replies(grid, waiting, time.monotonic() + timeout))

    def read(
        asked: Mapping[str, _Question], replies: Iterable[Message]
    ) -> Iterator[tuple[str, Answer]]:
        for reply in replies:
            question = asked[reply.metadata.reply_to_message_id]
            data = b"" if reply.has_error() else _bytes(reply)
            meter(question.heading.phase, 0, len(data))
            answer = UNASKED if reply.has_error() else _read(data, question, office)
            yield question.heading.site, answer

    return ask


@dataclass(frozen=True)
class _Question:
    heading: Heading
    digest: str


def _push(grid: Grid, node: int, heading: Heading, data: bytes, meter: Meter) -> list[str]:
    """Send an instruction; none is returned where the grid does not take it: it is too large."""
    message = _message(grid, node, heading.phase, str(heading.round), data)
    taken = [question for question in grid.push_messages([message]) if question]
    meter(heading.phase, len(data) if taken else 0, 0)
    return taken


def _replies(grid: Grid, asked: Iterable[str], deadline: float) -> Iterator[Message]:
    """Wait for the replies to these questions until the deadline."""
    waiting = deque(asked)
    while waiting:
        before = len(waiting)
        for _ in range(0, before, FEW):
            yield from _some_replies(grid, waiting)
        if waiting and time.monotonic() > deadline:
            return
        if len(waiting) == before:
            time.sleep(POLL)


def _some_replies(grid: Grid, waiting: deque[str]) -> Iterator[Message]:
    """Look once for replies to those who wait longest; who has none goes to the end."""
    asked = [waiting.popleft() for _ in range(min(FEW, len(waiting)))]
    # by the question's id, never by src_node_id: any node can write another's number there
    found = {reply.metadata.reply_to_message_id: reply for reply in grid.pull_messages(asked)}
    waiting.extend(question for question in asked if question not in found)
    for question in asked:
        if question in found:
            yield found.pop(question)


def _message(grid: Grid, node: int, action: str, group: str, data: bytes) -> Message:
    return grid.create_message(
        content=_wrap(data), message_type=f"query.{action}", dst_node_id=node, group_id=group
    )


def _wrap(data: bytes) -> RecordDict:
    array = Array("uint8", (len(data),), "grandrounds.bytes", data)
    return RecordDict({"message": ArrayRecord({"bytes": array})})


def _read(data: bytes, question: _Question, office: Office) -> Answer:
    if not data:
        return NO_ANSWER
    try:
        return office.read(data, question.heading.site, question.digest)
    except GrandRoundsError as error:
        return Failure(code=error.code, reason=error.public)


def _bytes(message: Message) -> bytes:
    record = message.content.get("message")
    if not isinstance(record, ArrayRecord) or "bytes" not in record:
        return b""
    return bytes(record["bytes"].data)
