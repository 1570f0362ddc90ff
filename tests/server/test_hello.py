"""The coordinator asks each node which site it is, and logs nothing that a node made up."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp

from grandrounds.in_process import InProcessGrid
from grandrounds_client.app import client_app
from grandrounds_protocol.records import HELLO, REFUSED
from grandrounds_protocol.roster import Roster
from grandrounds_server import app
from grandrounds_server.app import nodes_by_hello
from tests import keys

if TYPE_CHECKING:
    from grandrounds_client.site import Site

PLANTED = "74.813"


@pytest.mark.parametrize("code", [2, 8, REFUSED + 1])
def test_the_text_of_a_crash_on_a_node_is_not_logged(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    # Flower sends an exception's text as it stands, values included
    app = ClientApp()

    @app.query(HELLO)
    def crash(message: Message, _: Context) -> Message:
        return Message(Error(code, f"ValueError: {PLANTED}"), reply_to=message)

    with caplog.at_level(logging.DEBUG):
        assert nodes_by_hello(InProcessGrid(app, ["north"]), keys.OFFICE, 1, 5.0) == {}
    assert "could not say its name" in caplog.text
    assert PLANTED not in caplog.text


def test_what_our_own_app_says_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = ClientApp()

    @app.query(HELLO)
    def refuse(message: Message, _: Context) -> Message:
        return Message(Error(REFUSED, "BadInput: files cannot be used"), reply_to=message)

    assert nodes_by_hello(InProcessGrid(app, ["north"]), keys.OFFICE, 1, 5.0) == {}
    assert "BadInput: files cannot be used" in caplog.text


def test_a_site_that_has_not_accepted_the_roster_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clapp = client_app(lambda _: cast("Site", SimpleNamespace(identity=keys.identity("north"))))
    grid = InProcessGrid(clapp, ["north"])
    assert nodes_by_hello(grid, keys.OFFICE, 1, 5.0) == grid.nodes
    newer = Roster.model_validate({**keys.ROSTER.model_dump(), "version": 2})
    assert nodes_by_hello(grid, replace(keys.OFFICE, roster=newer), 1, 5.0) == {}
    said = f"RosterNotAccepted, north goes by another roster than version {newer.version}"
    assert said in caplog.text


def test_a_node_that_says_nothing_sensible_is_no_site() -> None:
    app = ClientApp()

    @app.query(HELLO)
    def mumble(message: Message, _: Context) -> Message:
        return Message(RecordDict(), reply_to=message)

    assert nodes_by_hello(InProcessGrid(app, ["north"]), keys.OFFICE, 1, 5.0) == {}


def test_an_answer_that_takes_longer_than_asking_once_more_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "HELLO_AGAIN", 0.0)
    speaker = ClientApp()

    @speaker.query(HELLO)
    def speak(message: Message, _: Context) -> Message:
        return Message(Error(REFUSED, "slow"), reply_to=message)

    class Late(InProcessGrid):
        """Has each reply one look after its question."""

        there: tuple[str, ...] = ()

        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            asked = tuple(message_ids)
            found = super().pull_messages(name for name in asked if name in self.there)
            self.there = asked
            return found

    hellos = app.Hellos(Late(speaker, ["north"]), keys.OFFICE)
    hellos.look()
    hellos.look()
    assert hellos.heard == 1
