"""How far peers' ledgers had come: each envelope tells it, and a later one may not tell less.

A ledger that went back was cut, or restored from an old copy, and its site may have forgotten
what it released and spent. Heads are kept by the keys that signed them: a site that lost its
ledger for good makes new keys, and is enrolled and accepted anew.
"""

from collections.abc import Mapping

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import LedgerWentBack
from grandrounds_protocol.roster import Member


def key_of(peer: Member) -> str:
    """Where a peer's head is kept. No run has a name that begins with a dot."""
    return f".ledger-head/{peer.keys.fingerprint}"


def check_went_on(peer: Member, head: LedgerHead, store: Mapping[str, bytes]) -> bytes:
    """Compare a head with the one kept of this peer; return what to keep now.

    Raises
    ------
    LedgerWentBack
        If there are fewer entries than before, or as many and another last one.
    """
    kept = store.get(key_of(peer))
    if kept is not None:
        before = from_canonical(LedgerHead, kept)
        other = head.entries == before.entries and head.digest != before.digest
        if head.entries < before.entries or other:
            raise LedgerWentBack(
                f"the sender's ledger had {before.entries} entries when it last wrote, and now "
                f"it has {head.entries}",
                where=f"ledger of {peer.name}",
                remedy="ask that hospital whether a backup was restored; with new keys, enrolled "
                "again, it can go on",
            )
    return to_canonical(head)
