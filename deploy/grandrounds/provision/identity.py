"""All that a site is to others, read from its folder."""

import time
from pathlib import Path

from grandrounds.provision.accepted import read_trust
from grandrounds.provision.keyring import read_keys
from grandrounds_client.identity import Identity
from grandrounds_client.ledger import Ledger
from grandrounds_client.ledger_file import LedgerFile
from grandrounds_protocol.trust import Trust

KEYS, ROSTER, LEDGER = "keys", "roster", "ledger.jsonl"


def wall_clock() -> int:
    """Seconds since 1970, UTC."""
    return int(time.time())


def open_ledger(folder: Path) -> Ledger:
    """Open the ledger of a site's folder."""
    return Ledger(LedgerFile(folder / LEDGER))


def check_ledger(ledger: Ledger, trust: Trust) -> None:
    """Check that a ledger is as its site left it, and of the site that accepted this roster.

    Raises
    ------
    BadLedger
    """
    ledger.check_kept()
    ledger.check_accepted(trust.current.fingerprint)


def open_identity(folder: Path, name: str) -> Identity:
    """Read keys, accepted rosters and ledger of a site.

    Raises
    ------
    BadInput, BadRoster, OpenToOthers
    BadLedger
        If the ledger is not as this site left it, or is gone.
    """
    keys, trust, ledger = read_keys(folder / KEYS), read_trust(folder / ROSTER), open_ledger(folder)
    check_ledger(ledger, trust)
    return Identity(name, keys, trust, ledger, wall_clock)
