"""Flower's grid in one process: the same apps, no sockets, no other process."""

from collections.abc import Iterable, Mapping

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


class InProcessGrid(Grid):
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
        self._app = app
        self._contexts = {
            node: Context(_RUN, node, {"site": site}, RecordDict(), {})
            for node, site in enumerate(sites, start=_FIRST_NODE)
        }
        self._replies: dict[str, Message] = {}
        self._run = Run.create_empty(_RUN)

    @property
    def nodes(self) -> Mapping[str, int]:
        """Node number of each site."""
        return {str(context.node_config["site"]): node for node, context in self._contexts.items()}

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
        return list(self._contexts)

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
        name = message.object_id
        arrived = over_the_wire(message)
        # as Flower's own grids do: the property has no setter
        arrived.metadata.__dict__["_message_id"] = name
        context = self._contexts[message.metadata.dst_node_id]
        _identify(context.node_id)
        try:
            reply = self._app(arrived, context)
        except Exception:  # noqa: BLE001 (what Flower does when a ClientApp raises)
            reply = Message(Error(_CRASHED), reply_to=arrived)
        self._replies[name] = over_the_wire(reply)
        return name


def over_the_wire(message: Message) -> Message:
    """Write a message as Flower's objects and read it back."""
    objects = get_all_nested_objects(message)
    contents = {name: nested.deflate() for name, nested in objects.items()}
    arrived = inflate_object_from_contents(message.object_id, contents)
    if not isinstance(arrived, Message):
        raise TypeError("Flower gave back something that is no message")
    return arrived


def _identify(node: int) -> None:
    # Flower reads the sender of a message from process-wide state
    TaskIdentity.task_id = node
    TaskIdentity.run_id = _RUN
    TaskIdentity.node_id = node
