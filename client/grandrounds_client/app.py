"""The Flower ClientApp of a site: bytes in, bytes out. The only module here that knows Flower."""

from collections.abc import Callable

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp

from grandrounds_client.service import answer, hello
from grandrounds_client.site import Site
from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.records import HELLO, PHASES, REFUSED, WHOLE

Handler = Callable[[Message, Context], Message]


def client_app(open_site: Callable[[Context], Site]) -> ClientApp:
    """Build the app; `open_site` finds the site that a Flower context stands for."""
    app = ClientApp()
    for phase in PHASES:
        app.query(phase)(_replying(answer, open_site))
    app.query(HELLO)(_replying(hello, open_site))
    return app


def _replying(say: Callable[[Site, bytes], bytes], open_site: Callable[[Context], Site]) -> Handler:
    def handle(message: Message, context: Context) -> Message:
        # an exception here would reach the coordinator word by word, values included
        try:
            reply = say(open_site(context), read_bytes(message))
        except GrandRoundsError as error:
            return Message(Error(REFUSED, f"{error.code}: {error.public}"), reply_to=message)
        except Exception as error:  # noqa: BLE001
            return Message(Error(REFUSED, type(error).__name__), reply_to=message)
        return Message(write_bytes(reply), reply_to=message)

    return handle


def read_bytes(message: Message) -> bytes:
    """Return the bytes a message carries."""
    record = message.content["message"]
    if isinstance(record, ConfigRecord):
        return record["bytes"] if isinstance(record["bytes"], bytes) else b""
    return bytes(record["bytes"].data) if isinstance(record, ArrayRecord) else b""


def write_bytes(data: bytes) -> RecordDict:
    """Wrap bytes for Flower: few in one piece, many chunked and without a second copy."""
    if len(data) <= WHOLE:
        return RecordDict({"message": ConfigRecord({"bytes": data})})
    array = Array("uint8", (len(data),), "grandrounds.bytes", data)
    return RecordDict({"message": ArrayRecord({"bytes": array})})
