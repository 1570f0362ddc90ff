"""A peer whose ledger went back is refused, until it has new keys."""

from dataclasses import replace

import pytest

from grandrounds_client.identity import Identity
from grandrounds_client.ledger import InMemory, Ledger, OpenedEntry, RefusedEntry
from grandrounds_client.peer_ledgers import check_went_on, key_of
from grandrounds_client.sealing import seal_parcels
from grandrounds_client.service import answer
from grandrounds_client.site import Site
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import LedgerWentBack
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import DistillReport
from grandrounds_protocol.roster import Member
from grandrounds_protocol.signed import Signed
from tests import keys
from tests.client.asking import ask, said

SOUTH = keys.ROSTER.member("south", "site")


def with_entries(count: int, word: str = "x") -> Identity:
    """The peer, with so many entries in its ledger."""
    ledger = Ledger(InMemory())
    for _ in range(count):
        ledger.write([RefusedEntry(run="r", what=word, code="Stale")], 1)
    return replace(keys.identity("south"), ledger=ledger)


def question(site: Site, round_: int, peer: Identity) -> bytes:
    """Ask for lessons, with a model that the peer sealed as its ledger then was."""
    plain = Instruction.from_bytes(
        bytes(Signed.from_bytes(ask(site, "distill", round_=round_)).body)
    )
    parcel = Parcel("release", "south", ("north",), b"a model")
    sealed, _ = seal_parcels(peer, plain.heading, [parcel], keys.ROSTER, lambda _: None)
    letter = keys.letter(sealed[0], "north")
    return keys.OFFICE.sign(replace(plain, parcels=(letter,)).to_bytes(), "north")


def refused(site: Site, round_: int, peer: Identity) -> dict[str, str]:
    """Ask all of a round up to its lessons; return whose model was refused."""
    answer(site, ask(site, "publish", round_=round_))
    report = said(site, question(site, round_, peer)).body.report
    assert isinstance(report, DistillReport)
    return report.refused


def test_a_peer_whose_ledger_went_back_is_refused_by_name_and_it_stands_in_the_ledger(
    site: Site,
) -> None:
    taken = {"south": "BadModel"}  # it opens; it is no model
    assert refused(site, 1, with_entries(5)) == taken
    assert refused(site, 2, with_entries(3)) == {"south": "LedgerWentBack"}
    # what was refused changed nothing: the same peer, its ledger whole, goes on
    assert refused(site, 3, with_entries(4)) == {"south": "LedgerWentBack"}
    assert refused(site, 4, with_entries(6)) == taken
    assert site.identity is not None
    events = [entry.what for entry in site.identity.ledger.entries()]
    codes = [event.code for event in events if isinstance(event, RefusedEntry)]
    assert codes == ["LedgerWentBack"] * 2
    assert [event.ledger.entries for event in events if isinstance(event, OpenedEntry)] == [5, 6]


def test_a_ledger_of_the_same_length_and_another_last_entry_went_back(site: Site) -> None:
    refused(site, 1, with_entries(5))
    assert refused(site, 2, with_entries(5)) == {"south": "BadModel"}
    assert refused(site, 3, with_entries(5, "y")) == {"south": "LedgerWentBack"}


def test_a_site_that_lost_its_ledger_goes_on_with_new_keys() -> None:
    head = LedgerHead(entries=9, digest="1" * 64)
    store = {key_of(SOUTH): check_went_on(SOUTH, head, {})}
    begun = LedgerHead(entries=1, digest="2" * 64)
    with pytest.raises(LedgerWentBack, match=r"had 9 entries .* now it has 1"):
        check_went_on(SOUTH, begun, store)
    renewed = Member(name="south", role="site", keys=KeyPair.generate().public)
    check_went_on(renewed, begun, store)
