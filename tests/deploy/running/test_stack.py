"""Four hospitals over real processes: TLS, node keys, the edge, one round."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from flwr.common.serde import fab_to_proto
from flwr.proto.control_pb2 import ListNodesRequest, StartRunRequest
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab

from grandrounds.coordinating.order import RUNS, make_order, write_order
from grandrounds.coordinating.results import RunResults
from grandrounds.in_process import InProcessGrid
from grandrounds.provision.node import Node, make_node_key, point_to
from grandrounds.running import addresses, control, flower
from grandrounds.running.folders import Places
from grandrounds.simulate import prepare, run_on
from grandrounds.threads import one_thread
from grandrounds_client.app import client_app
from grandrounds_server.outcome import result_digest
from grandrounds_server.rounds import Finished
from grandrounds_server.state import Plan
from tests.deploy.running.test_edge import needs_nginx
from tests.deploy.running.test_guard import hostile
from tests.deploy.running.test_supervise import until
from tests.deploy.running.world import World, enrolled_world

HEART = Path(__file__).parents[3] / "deploy" / "examples" / "heart"
COMMAND = [sys.executable, "-c", "from grandrounds.cli import main; main()"]
LONGEST = 400.0
"""Seconds for a round, on a machine with more to do than this."""


def heart(root: Path) -> Path:
    folder = root / "heart"
    shutil.copytree(HEART, folder)
    path = folder / "federation.toml"
    text = path.read_text().replace('recipe = "private"', 'recipe = "guarded"')
    path.write_text(text.replace("rounds = 2", "rounds = 1"))
    return folder


def is_up(world: World) -> bool:
    return addresses.answers(world.edge, Places(world.coordinator).tls.root)


@contextmanager
def started(world: World) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start everybody as an operator and hospitals do, and end all as they would."""
    orders = [
        ["coordinator", "start", str(world.coordinator)],
        *(["site", "start", str(folder)] for folder in world.sites.values()),
    ]
    processes = []
    try:
        for order in orders:
            name = Path(order[-1]).name
            with (world.coordinator.parent / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen([*COMMAND, *order], stdout=log, stderr=log))
            if order[0] == "coordinator":
                until(lambda: is_up(world), 120)
        yield processes
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)


def online(world: World) -> set[str]:
    places = Places(world.coordinator)
    with control._client(places, control.link_of(places)) as client:
        nodes = client.ListNodes(ListNodesRequest()).nodes_info
    return {node.name for node in nodes if node.status == "online"}


def ran(world: World, run: int) -> str:
    ends: list[str] = []

    def has_ended() -> bool:
        ends.extend(filter(None, [control.ended(world.coordinator, run)]))
        return bool(ends)

    until(has_ended, LONGEST, every=1.0)
    return ends[0]


def in_process(folder: Path) -> Finished:
    """Run the same federation in this process, as `simulate` does."""
    simulation = prepare(folder)
    opened = {
        name: replace(site, identity=simulation.keys.identity(name))
        for name, site in simulation.sites.items()
    }
    app = client_app(lambda context: opened[str(context.node_config["site"])])
    federation = simulation.federation
    plan = Plan(
        run="in-process",
        sites=tuple(opened),
        schema_digest=federation.digest(),
        rules=federation.rules,
        roster=simulation.keys.roster,
    )
    with one_thread():
        grid = InProcessGrid(app, opened)
        return run_on(grid, plan, simulation.keys.office, lambda *_: None)


def left_over(root: Path) -> list[str]:
    """Processes that work in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(root).encode() in environment + command and int(process.name) != os.getpid():
            found.append(command.replace(b"\0", b" ").decode())
    return found


@needs_nginx
@pytest.mark.slow
def test_four_hospitals_over_real_processes_learn_what_they_learn_in_one(tmp_path: Path) -> None:
    folder = heart(tmp_path)
    world = enrolled_world(tmp_path, folder, "heart")
    with started(world) as processes:
        until(lambda: online(world) == set(world.sites), 120, every=1.0)
        write_order(world.coordinator / "state", make_order(run="first"))
        begun = time.monotonic()
        assert ran(world, control.submit(world.coordinator)) == "completed"
        seconds = time.monotonic() - begun
        _check_edge(world)
        _check_stranger(world, tmp_path / "stranger")
        _check_second_instance(world)
        _check_foreign_code(world, tmp_path / "ran")
    assert [process.returncode for process in processes] == [0] * 5
    until(lambda: not left_over(tmp_path), 10)

    path = world.coordinator / "state" / RUNS / "first" / "results.json"
    results = RunResults.model_validate_json(path.read_text())
    expected = in_process(folder)
    assert results.digest == result_digest(expected)
    assert all(site.own.after.n for site in results.sites.values())
    assert all(site.received for site in results.sites.values())
    sys.stdout.write(f"\nprocesses {seconds:.1f} s {results.seconds}\n")  # pytest -s shows it
    sys.stdout.write(f"in process {expected.seconds}\n")


def _check_edge(world: World) -> None:
    """Reach for Control and Runtime from the world."""
    root = Places(world.coordinator).tls.root
    client = ControlHttpClient.from_server_address(
        world.edge, insecure=False, root_certificates=root.read_bytes(), interceptors=[]
    )
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        client.StartRun(StartRunRequest())
    client.close()
    context = addresses.trusting(root)
    for path, status in {
        "/v1/runtime/acquire-task": 404,
        "/v1/control/list-nodes": 404,
        "/v1/fleet/register-node": 403,
    }.items():
        assert httpx.post(f"https://{world.edge}{path}", verify=context).status_code == status


def _check_stranger(world: World, folder: Path) -> None:
    """Connect with a key that the authority never signed."""
    node = Node(folder)
    make_node_key(node)
    joined = Node(next(iter(world.sites.values())) / "node")
    point_to(node, joined.address, joined.root.read_text())
    (folder / "secret").write_text("secret")
    command = flower.supernode(
        addresses.LOOPBACK, addresses.free_port(), node=node, secret=folder / "secret", health=None
    )
    done = subprocess.run(
        command, env=flower.environment(folder), capture_output=True, timeout=120, check=False
    )
    assert b"Exit Code: 305" in done.stdout + done.stderr
    assert len(online(world)) == 4


def _check_second_instance(world: World) -> None:
    folder = next(iter(world.sites.values()))
    for order in (["site", "start", str(folder)], ["coordinator", "start", str(world.coordinator)]):
        done = subprocess.run(
            [*COMMAND, *order], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 2
        assert "another process is at work here already" in done.stderr


def _check_foreign_code(world: World, target: Path) -> None:
    """Have other code run, as whoever reaches Control can ask for."""
    places = Places(world.coordinator)
    data = hostile(target)
    with control._client(places, control.link_of(places)) as client:
        run = client.StartRun(StartRunRequest(fab=fab_to_proto(Fab("0" * 64, data, {})))).run_id
    assert ran(world, run) == "failed"
    assert not target.exists()
