"""What the operator asked for: written by the command line, read by the process that drives."""

from pathlib import Path

from pydantic import Field

from grandrounds.provision.coordinator_folder import Coordinator
from grandrounds.provision.secrets import read_bytes, replace
from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.record import Record
from grandrounds_protocol.schema import CHOSEN_FOR_A_RUN, Federation, Rules
from grandrounds_protocol.settings import check_settings
from grandrounds_server.state import Plan

STATE, FILE = "state", "order.json"
DRIVER, RUNS = "driver", "runs"
"""Folders of the state folder: the lock and the payloads of who drives; what each run came to."""
ORDERING = "ordering"
"""Folder with the lock of who orders a run, until a process drives it."""
AWAY = 600.0
"""Seconds: a site's machine starts anew in less."""
_MOST = 4096


class Order(Record):
    """A run to begin, or to go on with. What is null is as `federation.toml` says."""

    run: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    rounds: int | None = None
    recipe: str | None = None
    engine: str | None = None
    seed: int | None = None
    phase_timeout: float = Field(default=3600.0, gt=0, le=30 * 86400)
    """Seconds that a phase waits for answers."""
    away_timeout: float = Field(default=AWAY, gt=0, le=30 * 86400)
    """Seconds that it waits for a site that is not connected while others are."""
    resume: bool = False


def write_order(state: Path, order: Order) -> None:
    """Leave an order in the state folder, in place of the last.

    Raises
    ------
    BadInput
    """
    replace(state / FILE, to_canonical(order))


def read_order(state: Path) -> Order:
    """Read the order.

    Raises
    ------
    BadInput
        If there is none, or it was changed.
    """
    path = state / FILE
    try:
        return from_canonical(Order, read_bytes(path, _MOST))
    except ValueError:
        raise BadInput(
            "the order is not well-formed",
            where=str(path),
            remedy="grandrounds coordinator run writes it anew",
        ) from None


def make_order(**fields: object) -> Order:
    """Check what was typed.

    Raises
    ------
    BadInput
    """
    return check_settings(Order, fields, "command line", "see --help")


def federation_of(coordinator: Coordinator, order: Order) -> Federation:
    """Return the federation with the rules that the order changes.

    Raises
    ------
    BadInput
        If a rule cannot be so.
    """
    rules = coordinator.federation.rules.model_dump()
    given = {name: getattr(order, name) for name in CHOSEN_FOR_A_RUN}
    asked = {name: value for name, value in given.items() if value is not None}
    remedy = "give " + " and ".join(f"--{name} another value" for name in asked)
    checked = check_settings(Rules, {**rules, **asked}, "command line", remedy)
    return coordinator.federation.model_copy(update={"rules": checked})


def plan_of(coordinator: Coordinator, order: Order) -> Plan:
    """Return what the run is: all sites of the roster, by the rules of the federation.

    Raises
    ------
    BadInput
    """
    federation = federation_of(coordinator, order)
    return Plan(
        run=order.run,
        sites=coordinator.roster.sites,
        schema_digest=federation.digest(),
        rules=federation.rules,
        roster=coordinator.roster,
    )
