"""A federation on Flower's own simulation engine: the same apps, each site in a Ray process.

Without `RAY_ADDRESS` Ray starts here and ends with the run; with it, the sites run on that
cluster. Sites are opened from disk where they run and keep what they know in a temporary
folder that all processes share.
"""

import importlib.util
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from grandrounds.ray_settings import cluster, engine, environment, quiet
from grandrounds.simulate import Simulation
from grandrounds.site_on_disk import SiteOnDisk, opened
from grandrounds_client.app import client_app
from grandrounds_client.site import Site
from grandrounds_protocol.errors import BadInput, WorkFailed
from grandrounds_server.app import nodes_by_hello, server_app
from grandrounds_server.office import Office
from grandrounds_server.rounds import Finished, Watch
from grandrounds_server.state import Plan

HELLO_TIMEOUT = 600.0
"""Seconds for all sites to be opened, their processes started."""


@dataclass(frozen=True)
class SiteOfNode:
    """Finds the site of a Flower context; it travels to the processes that call it."""

    sites: tuple[SiteOnDisk, ...]

    def __call__(self, context: Context) -> Site:
        """Open the site whose place is the node's partition."""
        return opened(self.sites[int(str(context.node_config["partition-id"]))])


def on_flower(simulation: Simulation, plan: Plan, watch: Watch) -> Finished:
    """Run a plan on Flower's engine; each site's store holds afterwards what it kept.

    Raises
    ------
    BadInput
        If the engine is not installed.
    WorkFailed
        If the engine stops, or the run comes to no end.
    """
    if importlib.util.find_spec("ray") is None:
        raise BadInput(
            "Flower's simulation engine is not installed",
            where="option --backend flower",
            remedy='pip install "grandrounds[simulation]"',
        )
    with TemporaryDirectory(prefix="grandrounds-") as shared:
        sites = simulation.on_disk(Path(shared).resolve())
        with environment(), quiet():
            finished = _run(plan, simulation.keys.office, sites, watch)
        for name, site in zip(plan.sites, sites, strict=True):
            site.keep(simulation.sites[name])
    return finished


def _run(plan: Plan, office: Office, sites: tuple[SiteOnDisk, ...], watch: Watch) -> Finished:
    with warnings.catch_warnings():  # importing it changes what is shown of everybody's warnings
        from flwr.simulation import run_simulation  # noqa: PLC0415 (and it may be missing)

    ended: list[Finished] = []
    app = server_app(
        plan,
        office=office,
        find_nodes=lambda grid: nodes_by_hello(grid, office, len(sites), HELLO_TIMEOUT),
        watch=watch,
        done=ended.append,
    )
    stop, running = threading.Event(), list[threading.Thread]()
    try:
        # deprecated for `flwr run`, which needs a SuperLink and starts no app of ours in code
        run_simulation(
            server_app=_until(stop, app, running),
            client_app=client_app(SiteOfNode(sites)),
            num_supernodes=len(sites),
            backend_config=engine(len(sites)),
        )
    except RuntimeError as error:
        raise WorkFailed(
            f"Flower's simulation engine stopped: {_first_cause(error)}",
            where=f"Ray at {cluster() or 'this machine'}",
            remedy="check the cluster's address and cores, or use --backend in-process",
        ) from error
    finally:
        stop.set()
        for thread in running:
            thread.join()
    if not ended:
        raise WorkFailed("the run came to no end")
    return ended[0]


def _until(stop: threading.Event, app: ServerApp, running: list[threading.Thread]) -> ServerApp:
    """Let an app end with the engine: Flower leaves its thread waiting for replies."""
    stoppable = ServerApp()

    @stoppable.main()
    def main(grid: Grid, context: Context) -> None:
        running.append(threading.current_thread())
        pull = grid.pull_messages

        def pull_messages(message_ids: Any) -> Any:
            if stop.is_set():
                raise WorkFailed("the engine has stopped")
            return pull(message_ids)

        grid.pull_messages = pull_messages  # type: ignore[method-assign]
        app(grid=grid, context=context)

    return stoppable


def _first_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]
