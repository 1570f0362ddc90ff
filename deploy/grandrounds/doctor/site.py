"""Everything that is looked at before a site joins, in order."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from grandrounds.doctor.connection import check_clock, check_edge, meet
from grandrounds.doctor.files import check_disk, check_modes
from grandrounds.doctor.finding import Finding, examined, failed, ok
from grandrounds.doctor.membership import check_roster
from grandrounds.doctor.rows import check_budget, check_data, check_model, rehearse
from grandrounds.doctor.software import check_versions
from grandrounds.folder import read_text
from grandrounds.provision import accepted, bundles
from grandrounds.provision.books import is_running, spent_epsilon
from grandrounds.provision.identity import (
    KEYS,
    LEDGER,
    ROSTER,
    check_ledger,
    open_ledger,
    wall_clock,
)
from grandrounds.provision.keyring import read_keys
from grandrounds.provision.node import FOLDER, Node
from grandrounds.provision.site_folder import (
    FEDERATION,
    PRIVACY,
    STATE,
    open_site_folder,
    read_settings,
)
from grandrounds_client.site import Site, open_site
from grandrounds_protocol.bundle import OpenBundle


def examine(folder: Path, *, offline: bool) -> Iterator[Finding]:
    """Look at a site, one thing after another.

    Parameters
    ----------
    folder : Path
        The site's.
    offline : bool
        Leave out what takes a connection to the coordinator.
    """
    yield examined("versions", check_versions)
    yield examined("disk", partial(check_disk, folder, folder / STATE))
    yield examined("modes", partial(check_modes, folder, list(_secrets(folder))))
    yield examined("roster", partial(_roster, folder))
    yield examined("ledger", partial(_ledger, folder))
    yield examined("federation", partial(_federation, folder))
    if not offline:
        yield from _connection(Node(folder / FOLDER))
    yield from _rows(folder)


def _secrets(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in (KEYS, ROSTER, LEDGER, PRIVACY, STATE, FOLDER))
    yield from (folder / KEYS).glob("*.key")
    yield Node(folder / FOLDER).key


def _bundle(folder: Path) -> OpenBundle:
    return bundles.read(folder, folder / ROSTER)


def _roster(folder: Path) -> Finding:
    roster = accepted.read_trust(folder / ROSTER).current
    me = roster.member(read_settings(folder).name, "site")
    own = tuple(pair.public for pair in read_keys(folder / KEYS))
    return check_roster(roster, me, own, wall_clock())


def _ledger(folder: Path) -> Finding:
    trust, ledger = accepted.read_trust(folder / ROSTER), open_ledger(folder)
    if is_running(folder):  # it may be in the middle of a line and its head
        ledger.check_accepted(trust.current.fingerprint)
    else:
        check_ledger(ledger, trust)
    return ok("ledger", f"the chain holds: {ledger.head.entries} entries")


def _federation(folder: Path) -> Finding:
    bundle = _bundle(folder)
    if read_text(folder / FEDERATION) != bundle.bundle.federation:
        return failed(
            "federation",
            f"{FEDERATION} is not the one that the authority signed",
            f"grandrounds site join {folder} {folder / bundles.FILE} writes it anew",
        )
    rules = bundle.federation.rules
    return ok("federation", f"{bundle.federation.name}: recipe {rules.recipe}, seed {rules.seed}")


def _connection(node: Node) -> Iterator[Finding]:
    met: list[Finding] = []

    def look() -> Finding:
        now, found = wall_clock(), meet(node.address, node.root)
        if isinstance(found, Finding):
            return found
        met.append(examined("clock", partial(check_clock, found, now)))
        return check_edge(found, node.address, now)

    yield examined("edge", look)
    yield from met


def _rows(folder: Path) -> Iterator[Finding]:
    opened: list[Site] = []

    def look() -> Finding:
        joined = open_site_folder(folder)
        # opened as simulated: nothing that is tried here is booked or kept
        site = open_site(joined.settings, folder, joined.federation, {}, simulated=True)
        opened.append(site)
        return check_data(site)

    yield examined("data", look)
    for site in opened:
        yield examined("budget", partial(_budget, folder, site))
        model = examined("model", partial(check_model, site))
        yield model
        if model.fine:
            yield examined("round", partial(rehearse, site))


def _budget(folder: Path, site: Site) -> Finding:
    return check_budget(site, spent_epsilon(folder))
