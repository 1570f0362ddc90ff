"""How a site comes to go by a roster: none holds that its ledger does not say was accepted."""

from pathlib import Path

from grandrounds.provision import accepted
from grandrounds.provision.identity import ROSTER, open_ledger
from grandrounds_client.ledger import RosterEntry
from grandrounds_protocol.roster import Roster
from grandrounds_protocol.trust import Trust


def begin(folder: Path, authority: str, data: bytes, now: int) -> None:
    """Accept a site's first roster and the authority that signed it, for good.

    Raises
    ------
    BadInput
        If an authority is pinned here already.
    BadRoster, ClockSkew, Stale, BadLedger, WorkFailed
    """
    _write_down(folder, Trust.begin(data, authority, now).current, now)
    accepted.pin(folder / ROSTER, authority, data, now)


def go_on(folder: Path, trust: Trust, data: bytes, now: int) -> None:
    """Let a site go by the roster that `trust` now goes by; `data` is its file.

    Raises
    ------
    BadInput, BadLedger, WorkFailed
    """
    _write_down(folder, trust.current, now)
    accepted.keep(folder / ROSTER, trust, data)


def _write_down(folder: Path, roster: Roster, now: int) -> None:
    event = RosterEntry(version=roster.version, roster=roster.fingerprint)
    open_ledger(folder).write([event], now)
