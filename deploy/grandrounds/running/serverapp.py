"""The ServerApp of a real coordinator: runs the rounds of the folder that the environment names."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from pydantic import TypeAdapter

from grandrounds.provision.coordinator_folder import Coordinator, open_coordinator
from grandrounds.provision.secrets import replace
from grandrounds.running.folders import COORDINATOR, folder_of
from grandrounds_protocol.records import Phase
from grandrounds_server.app import ask_over, nodes_by_hello
from grandrounds_server.rounds import Finished, run
from grandrounds_server.state import Plan

log = logging.getLogger(__name__)

FINISHED = "finished.json"
GATHER = 300.0
"""Seconds for all sites to say who they are."""
PHASE = 3600.0
"""Seconds for a phase's answers."""

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:  # noqa: ARG001 (Flower's, and never believed)
    """Run rounds over Flower."""
    drive(folder_of(COORDINATOR), grid)


def drive(folder: Path, grid: Grid) -> None:
    """Run the rounds that `federation.toml` says, and keep what came of them.

    Raises
    ------
    BadInput, BadBundle, BadRoster, OpenToOthers
        If the folder cannot be opened.
    """
    coordinator = open_coordinator(folder)
    federation = coordinator.federation
    plan = Plan(
        run=f"{federation.name}-{federation.rules.seed}",
        sites=coordinator.roster.sites,
        schema_digest=federation.digest(),
        rules=federation.rules,
        roster=coordinator.roster,
    )
    nodes = nodes_of(grid, coordinator)
    ask = ask_over(grid, nodes, coordinator.office, PHASE)
    finished = run(plan, ask, clock=time.perf_counter, watch=_note)
    replace(coordinator.state / FINISHED, TypeAdapter(Finished).dump_json(finished))


def nodes_of(grid: Grid, coordinator: Coordinator) -> Mapping[str, int]:
    """Return the node of each site that says who it is, by its signature."""
    return nodes_by_hello(grid, coordinator.office, len(coordinator.roster.sites), GATHER)


def _note(number: int, attempt: int, phase: Phase) -> None:
    log.warning("round %s, attempt %s: %s", number, attempt, phase)
