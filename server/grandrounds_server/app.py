"""The Flower ServerApp of the coordinator. The only module here that knows Flower."""

import logging
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from grandrounds_protocol.errors import GrandRoundsError, RosterNotAccepted
from grandrounds_protocol.records import HELLO, REFUSED, WHOLE, Heading
from grandrounds_server.asking import POLL, Arrived, Asking, Meter, Patience, unmetered
from grandrounds_server.office import Office
from grandrounds_server.rounds import Finished, Watch, run
from grandrounds_server.state import Plan

log = logging.getLogger(__name__)

CHALLENGE_BYTES = 32
GUARD = 2.0
"""Seconds to wait for a reply to be fetched; one that takes longer stalls no other."""
UNWANTED = 600.0
"""Seconds after which a reply that nobody took is let go of: all that wait are looked at sooner."""
HELLO_AGAIN = 30.0
"""Seconds after which a node that did not say its name is asked once more."""

Nodes = Callable[[], Mapping[str, int]]
"""From site names to Flower's node numbers, as they are now."""
FindNodes = Callable[[Grid], Mapping[str, int]]
Fetch = Callable[[Sequence[str]], Iterable[Message]]
"""Gives the replies to questions that are there."""


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
        nodes = find_nodes(grid)
        post = GridPost(grid, lambda: nodes)
        ask = Asking(post, office, Patience(timeout), meter=meter)
        done(run(plan, ask, clock=time.perf_counter, watch=watch))

    return app


def nodes_by_hello(grid: Grid, office: Office, count: int, timeout: float) -> dict[str, int]:
    """Ask each node for its site's name, until `count` have answered or `timeout` seconds.

    Nodes may come while we wait.
    """
    hellos = Hellos(grid, office)
    deadline = time.monotonic() + timeout
    while hellos.heard < count and time.monotonic() < deadline:
        hellos.look()
        time.sleep(POLL)
    return hellos.nodes()


class Hellos:
    """Which node is which site, as the sites sign it.

    A site signs a challenge that was never used before, so a node cannot take another site's
    name. A name that two nodes hold is left out. A node that is gone holds none.

    Parameters
    ----------
    grid : Grid
    office : Office
    fetch : callable, optional
        How replies are fetched; straight from the grid where left out.
    """

    def __init__(self, grid: Grid, office: Office, fetch: Fetch | None = None) -> None:
        self._grid = grid
        self._office = office
        self._fetch = fetch or grid.pull_messages
        self._asked: dict[str, tuple[int, bytes]] = {}
        self._last: dict[int, float] = {}
        self._names: dict[int, str] = {}

    @property
    def heard(self) -> int:
        """How many nodes have said anything."""
        return len(self._names)

    def nodes(self) -> dict[str, int]:
        """Return the sites known now."""
        claimed = Counter(self._names.values())
        return {name: node for node, name in self._names.items() if name and claimed[name] == 1}

    def look(self) -> dict[str, int]:
        """Hear the nodes that answered, ask those that came, forget those that went."""
        here = set(self._grid.get_node_ids())
        self._names = {node: name for node, name in self._names.items() if node in here}
        self._last = {node: when for node, when in self._last.items() if node in here}
        self._hear(here)  # first: to ask once more forgets the question, and its answer with it
        for node in sorted(here):
            if not self._names.get(node) and time.monotonic() >= self._last.get(node, 0.0):
                self._ask(node)
        self._hear(here)
        return self.nodes()

    def _hear(self, here: Container[int]) -> None:
        for reply in self._fetch(list(self._asked)) if self._asked else ():
            node, challenge = self._asked.pop(reply.metadata.reply_to_message_id)
            if node in here:
                self._names[node] = _name(reply, self._office, challenge)

    def _ask(self, node: int) -> None:
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        self._last[node] = time.monotonic() + HELLO_AGAIN
        taken = self._grid.push_messages([_message(self._grid, node, HELLO, "0", challenge)])
        before = {name: asked for name, asked in self._asked.items() if asked[0] != node}
        self._asked = before | {name: (node, challenge) for name in taken if name}


def _name(reply: Message, office: Office, challenge: bytes) -> str:
    if not reply.has_error():
        try:
            return office.name(_bytes(reply), challenge)
        except RosterNotAccepted as error:
            log.warning("a node could not prove its name: %s, %s", error.code, error.problem)
            return ""
        except GrandRoundsError as error:  # what it says further may be the node's words
            log.warning("a node could not prove its name: %s", error.code)
            return ""
    # any other code is Flower's, and its reason may be an exception's text, values included
    said = reply.error.reason if reply.error.code == REFUSED else f"Flower's {reply.error.code}"
    log.warning("a node could not say its name: %.200r", said)
    return ""


class GridPost:
    """Carries messages over a Flower grid."""

    def __init__(self, grid: Grid, nodes: Nodes) -> None:
        self._grid = grid
        self._nodes = nodes

    def nodes(self) -> Mapping[str, int]:
        """Return the node of each site."""
        return self._nodes()

    def send(self, node: int, heading: Heading, data: bytes) -> str:
        """Send a question; nothing is returned where the grid does not take it: it is too large."""
        message = _message(self._grid, node, heading.phase, str(heading.round), data)
        return next((question for question in self._grid.push_messages([message]) if question), "")

    def collect(self, questions: Sequence[str]) -> Iterator[Arrived]:
        """Return the replies that are there."""
        return _arrived(questions, self._grid.pull_messages(questions))


class GuardedPost(GridPost):
    """The same between machines, where any call may fail, and fetching a reply may block.

    A reply whose upload was cut off was seen to block its fetching for minutes.
    """

    def __init__(self, grid: Grid, nodes: Nodes) -> None:
        super().__init__(grid, nodes)
        self._fetch = Guarded(grid)

    def nodes(self) -> Mapping[str, int]:
        """Return the node of each site; of none while Flower does not answer."""
        try:
            return super().nodes()
        except Exception as error:  # noqa: BLE001 (whatever a broken connection raises)
            log.warning("the nodes could not be listed: %s", type(error).__name__)
            return {}

    def send(self, node: int, heading: Heading, data: bytes) -> str:
        """Send a question; nothing is returned where it did not leave."""
        try:
            return super().send(node, heading, data)
        except Exception as error:  # noqa: BLE001 (likewise)
            log.warning("%s could not be asked: %s", heading.site, type(error).__name__)
            return ""

    def collect(self, questions: Sequence[str]) -> Iterator[Arrived]:
        """Return the replies that are there, but for those that take long."""
        return _arrived(questions, self._fetch(questions))


class Guarded:
    """Fetches each reply in a thread of its own, and waits for none of them for long."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._fetching: dict[str, _Fetching] = {}

    def __call__(self, questions: Sequence[str]) -> Iterator[Message]:
        """Return the replies that are there; one that blocks is looked for later."""
        self._forget()
        started = [self._start(name) for name in questions if name not in self._fetching]
        limit = time.monotonic() + GUARD
        for thread in started:
            thread.join(max(0.0, limit - time.monotonic()))
        for name in [name for name in questions if not self._fetching[name].is_alive()]:
            yield from self._fetching.pop(name).found

    def _forget(self) -> None:
        """Let go of replies that came when nobody looked for them any more: each is in memory."""
        past = time.monotonic() - UNWANTED
        for name in [name for name, each in self._fetching.items() if each.ended < past]:
            del self._fetching[name]

    def _start(self, question: str) -> "_Fetching":
        self._fetching[question] = _Fetching(self._grid, question)
        self._fetching[question].start()
        return self._fetching[question]


class _Fetching(threading.Thread):
    """Fetches the reply to one question."""

    def __init__(self, grid: Grid, question: str) -> None:
        super().__init__(daemon=True)  # one that blocks does not keep the process
        self._grid = grid
        self._question = question
        self.found: list[Message] = []
        self.ended = math.inf
        """When, by the clock that never goes back."""

    def run(self) -> None:
        """Fetch."""
        try:
            self.found = list(self._grid.pull_messages([self._question]))
        except Exception as error:  # noqa: BLE001 (likewise; it is looked for again)
            log.warning("a reply could not be fetched: %s", type(error).__name__)
        self.ended = time.monotonic()


def _arrived(questions: Sequence[str], replies: Iterable[Message]) -> Iterator[Arrived]:
    # by the question's id, never by src_node_id: any node can write another's number there
    found = {reply.metadata.reply_to_message_id: reply for reply in replies}
    for question in questions:
        if question in found:
            reply = found.pop(question)
            if reply.has_error():
                yield Arrived(question, None, final=reply.error.code == REFUSED)
            else:
                yield Arrived(question, _bytes(reply))


def _message(grid: Grid, node: int, action: str, group: str, data: bytes) -> Message:
    return grid.create_message(
        content=_wrap(data), message_type=f"query.{action}", dst_node_id=node, group_id=group
    )


def _wrap(data: bytes) -> RecordDict:
    """Wrap bytes for Flower: few in one piece, many chunked and without a second copy."""
    if len(data) <= WHOLE:
        return RecordDict({"message": ConfigRecord({"bytes": data})})
    array = Array("uint8", (len(data),), "grandrounds.bytes", data)
    return RecordDict({"message": ArrayRecord({"bytes": array})})


def _bytes(message: Message) -> bytes:
    record = message.content.get("message")
    if isinstance(record, ConfigRecord):
        data = record.get("bytes")
        return data if isinstance(data, bytes) else b""
    if not isinstance(record, ArrayRecord) or "bytes" not in record:
        return b""
    return bytes(record["bytes"].data)
