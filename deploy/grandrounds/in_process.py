"""Flower's grid on one machine, without sockets: the same apps, here all in one process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

_RUN = 1
_SERVER = 1
_FIRST_NODE = 2
_CRASHED = 2


class LocalGrid(Grid):
    """A grid whose sites are all on this machine; how they are asked is for others to say."""

    def __init__(self, sites: Iterable[str]) -> None:
        self._sites = dict(enumerate(sites, start=_FIRST_NODE))
        self._run = Run.create_empty(_RUN)

    @property
    def nodes(self) -> Mapping[str, int]:
        """Node number of each site."""
        return {site: node for node, site in self._sites.items()}

    def set_run(self, run: Run) -> None:
        """Replace the run this grid works in."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run this grid works in."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message to a site."""
        _identify(_SERVER)
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Node numbers of all sites."""
        return list(self._sites)


class InProcessGrid(LocalGrid):
    """Runs each message at once, one site after another.

    Every message is written to Flower's wire format and read back, so that what works
    here also works between machines.

    Parameters
    ----------
    app : ClientApp
        Runs for every site; its context's `node_config` holds the site's name.
    sites : iterable of str
    """

    def __init__(self, app: ClientApp, sites: Iterable[str]) -> None:
        super().__init__(sites)
        self._app = app
        self._replies: dict[str, Message] = {}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Run each message; its reply waits to be pulled."""
        return [self._deliver(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Take the replies to these messages."""
        return [self._replies.pop(name) for name in message_ids if name in self._replies]

    def send_and_receive(
        self,
        messages: Iterable[Message],
        *,
        timeout: float | None = None,  # noqa: ARG002 (an answer is there when push returns)
    ) -> Iterable[Message]:
        """Push, then pull."""
        return self.pull_messages(self.push_messages(messages))

    def _deliver(self, message: Message) -> str:
        node = message.metadata.dst_node_id
        written = write(message)
        self._replies[written.name] = read(deliver(self._app, node, self._sites[node], written))
        return written.name


@dataclass(frozen=True)
class Written:
    """A message as Flower's objects, each as bytes."""

    name: str
    objects: dict[str, bytes]


def write(message: Message) -> Written:
    """Write a message in Flower's wire format."""
    objects = get_all_nested_objects(message)
    return Written(message.object_id, {name: nested.deflate() for name, nested in objects.items()})


def read(written: Written) -> Message:
    """Read a message back."""
    arrived = inflate_object_from_contents(written.name, written.objects)
    if not isinstance(arrived, Message):
        raise TypeError("Flower gave back something that is no message")
    return arrived


def deliver(app: ClientApp, node: int, site: str, written: Written) -> Written:
    """Let a site's app answer a message."""
    arrived = _received(written)
    _identify(node)
    try:
        reply = app(arrived, Context(_RUN, node, {"site": site}, RecordDict(), {}))
    except Exception:  # noqa: BLE001 (what Flower does when a ClientApp raises)
        reply = Message(Error(_CRASHED), reply_to=arrived)
    return write(reply)


def crashed(node: int, written: Written) -> Message:
    """Reply in the name of a site whose process died over this message."""
    _identify(node)
    return read(write(Message(Error(_CRASHED), reply_to=_received(written))))


def _received(written: Written) -> Message:
    arrived = read(written)
    # as Flower's own grids do: the property has no setter
    arrived.metadata.__dict__["_message_id"] = written.name
    return arrived


def _identify(node: int) -> None:
    # Flower reads the sender of a message from process-wide state
    TaskIdentity.task_id = node
    TaskIdentity.run_id = _RUN
    TaskIdentity.node_id = node
