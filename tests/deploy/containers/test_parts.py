"""Every container of docker-compose.yml, each for itself, on the networks that it names.

SITE_ROOT and COORDINATOR_ROOT name folders where images were unpacked (`buildah mount`). Without
them the processes run from this machine's own Python, in containers all the same.
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from grandrounds.coordinating.order import RUNS
from grandrounds.coordinating.results import RunResults
from grandrounds.provision.compose import write_environment
from grandrounds_server.outcome import result_digest
from tests.deploy.containers import compose
from tests.deploy.containers.container import Container, Image, image, this_machine
from tests.deploy.containers.networks import Networks, networks, permitted
from tests.deploy.running.test_edge import needs_nginx
from tests.deploy.running.test_stack import heart, in_process
from tests.deploy.running.test_supervise import until
from tests.deploy.running.world import World, enrolled_world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.containers,
    pytest.mark.skipif(not permitted(), reason="no namespaces may be made here: needs root"),
    needs_nginx,
]
USER = 10001
HOST, PORT = "rounds.example.org", 8443
STARTING, LONGEST = 240.0, 900.0
"""Seconds until a part is well, and for a round, on a machine with more to do than this."""
NO_WAY, NO_NAME = f"OSError {errno.ENETUNREACH}", f"gaierror {socket.EAI_AGAIN}"
REFUSED, NO_ANSWER = f"ConnectionRefusedError {errno.ECONNREFUSED}", "TimeoutError None"
KERNEL = ("/proc", "/dev/")
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
    print("open")
except OSError as error:
    print(type(error).__name__, error.errno)
"""
POST = """
import ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
try:
    asked = urllib.request.Request(sys.argv[1], data=b"x")
    print(urllib.request.urlopen(asked, timeout=10, context=context).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
STRANGER = """
import sys
import httpx
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.runtime.runtime_http_client import RuntimeHttpClient
told = [RuntimeVersionHttpInterceptor(component_name="grandrounds")]
client = RuntimeHttpClient.from_server_address(sys.argv[1], True, None, told)
try:
    client.AcquireTask(AcquireTaskRequest())
    print("taken")
except httpx.HTTPStatusError as error:
    print(error.response.status_code)
"""


@dataclass(frozen=True)
class Federation:
    """All that runs."""

    folder: Path
    world: World
    parts: dict[str, Container]
    """`link`, `executor`, `edge`; `NAME/node`, `NAME/site`."""
    networks: Networks
    images: dict[str, Image]

    def admin(self, *command: str) -> Container:
        """Start a command as `docker compose run admin` does."""
        found = compose.services(self.world.coordinator, "admin")["admin"]
        return self.start(found, f"admin-{len(self.parts)}", "", command)

    def start(
        self, service: compose.Service, name: str, house: str, command: tuple[str, ...] = ()
    ) -> Container:
        """Start a service; of a site, in its own house."""
        named = {_network(each, house): names for each, names in service.names.items()}
        if name == "edge":
            named["outside"] = (*named["outside"], HOST)  # as its published port makes it
        container = Container(
            service,
            self.images[service.image],
            self.networks.join(name.replace("/", "-"), named),
            self.networks,
            list(named),
            self.folder / "containers" / name,
        )
        self.parts[name] = container
        container.start(command)
        return container


def _network(name: str, house: str) -> str:
    return f"{name}-{house}" if house and name in compose.internal() else name


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("containers")
    world = enrolled_world(folder, heart(folder), "heart", HOST, PORT)
    for each in (world.coordinator, *world.sites.values()):
        _give_away(each)
    with networks(f"gr{os.getpid()}") as made, ExitStack() as stack:
        running = Federation(folder, world, {}, made, _images(folder))
        stack.enter_context(_stopped(running))
        _start(running, world.coordinator, "coordinator")
        for name, own in world.sites.items():
            _start(running, own, "site", name)
        yield running


def _images(folder: Path) -> dict[str, Image]:
    here = this_machine(folder)
    return {
        f"grandrounds-{role}": image(Path(os.environ[variable]))
        if (variable := f"{role.upper()}_ROOT") in os.environ
        else here
        for role in ("site", "coordinator")
    }


def _give_away(folder: Path) -> None:
    """Let the folder be an ordinary user's, as the docs ask for."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER)
    if not (folder / "compose.env").exists():
        write_environment(folder)
        return
    text = (folder / "compose.env").read_text()
    (folder / "compose.env").write_text(text.replace("USER=0:0", f"USER={USER}:{USER}"))


def _start(running: Federation, folder: Path, profile: str, house: str = "") -> None:
    prefix = f"{house}/" if house else ""
    for name, service in compose.services(folder, profile).items():
        for first in service.after:
            _until_well(running.parts[prefix + first])
        running.start(service, prefix + name, house)


def _until_well(container: Container) -> None:
    def well() -> bool:
        assert container.runs(), container.log
        return container.is_well()

    until(well, STARTING, every=1.0)


@contextmanager
def _stopped(running: Federation) -> Iterator[None]:
    codes = {}
    try:
        yield
    finally:
        for name, container in reversed(running.parts.items()):
            codes[name] = container.stop()
    assert set(codes.values()) == {0}, codes


def reaches(container: Container, host: str, port: int) -> str:
    """Say `open`, or why a connection comes to nothing."""
    return container.run(["python3", "-c", CONNECT, host, str(port)]).stdout.strip()


def ask(container: Container, root: str, server: str, path: str) -> str:
    """Post from a container; say the answer's status."""
    return container.run(["python3", "-c", POST, f"{server}{path}", root]).stdout.strip()


def test_every_part_is_well(federation: Federation) -> None:
    for name, container in federation.parts.items():
        _until_well(container)
        assert container.service.health, name


def test_a_round_comes_to_what_it_comes_to_in_one_process(federation: Federation) -> None:
    begun = time.monotonic()
    admin = federation.admin("run", "/coordinator", "--rounds", "1")
    assert admin.wait(LONGEST) == 0, admin.log
    seconds = time.monotonic() - begun
    path = federation.world.coordinator / "state" / RUNS / "run-1" / "results.json"
    results = RunResults.model_validate_json(path.read_text())
    assert results.digest == result_digest(in_process(federation.folder / "heart"))
    assert all(site.own.after.n and site.received for site in results.sites.values())
    sys.stdout.write(f"\n{seconds:.1f} s {results.seconds}\n{results.digest}\n")
    for name, container in federation.parts.items():
        assert "Read-only file system" not in container.log, name
        assert "Permission denied" not in container.log, name


def test_what_sees_the_rows_reaches_the_node_and_nothing_else(federation: Federation) -> None:
    made, parts = federation.networks, federation.parts
    edge = made.address("outside", "edge")
    others = [made.address(f"house-{name}", "node") for name in federation.world.sites]
    for name in federation.world.sites:
        site = parts[f"{name}/site"]
        own = made.address(f"house-{name}", "node")
        assert reaches(site, "node", 9094) == "open"
        assert reaches(site, HOST, PORT) == NO_NAME
        assert reaches(site, edge, PORT) == NO_WAY
        assert reaches(site, made.address("inside", "superlink"), 8000) == NO_WAY
        assert {reaches(site, each, 9094) for each in others if each != own} == {NO_WAY}
        assert reaches(parts[f"{name}/node"], HOST, PORT) == "open"


def test_what_holds_the_signing_keys_has_no_way_out(federation: Federation) -> None:
    made, parts = federation.networks, federation.parts
    node = made.address("outside", "node")
    for name in ("link", "executor"):
        assert reaches(parts[name], "superlink", 8000) == "open"
        assert reaches(parts[name], node, 9094) == NO_WAY
        assert reaches(parts[name], made.address("outside", "edge"), PORT) == NO_WAY


def test_nobody_outside_reaches_control_or_runtime(federation: Federation) -> None:
    """Not past the edge, not through it, and not by having it pass packets on."""
    made, name = federation.networks, next(iter(federation.world.sites))
    node = federation.parts[f"{name}/node"]
    superlink, edge = made.address("inside", "superlink"), made.address("outside", "edge")
    assert reaches(node, superlink, 8000) == NO_WAY
    root, server = "/site/node/ca.pem", f"https://{HOST}:{PORT}"
    for path in ("/v1/control/start-run", "/v1/runtime/acquire-task"):
        assert ask(node, root, server, path) == "404"
    assert ask(node, root, server, "/v1/fleet/register-node") == "403"
    assert reaches(node, edge, 9099) == REFUSED
    # no container may do so: only who owns the machine
    made.route(node.namespace, made.subnet("inside"), edge)
    assert reaches(node, superlink, 8000) == NO_ANSWER


def test_a_node_has_no_work_for_who_lacks_the_sites_secret(federation: Federation) -> None:
    """Its port is open to both its networks; nothing publishes it."""
    node = federation.networks.address("outside", "node")
    edge = federation.parts["edge"]
    assert edge.run(["python3", "-c", STRANGER, f"{node}:9094"]).stdout.strip() == "401"


def test_a_container_can_change_nothing_but_what_it_keeps(federation: Federation) -> None:
    for name, container in federation.parts.items():
        if not container.runs():
            continue
        service = container.service
        kept = {each.target for each in service.mounts if not each.read_only}
        assert open_to_writing(container) == kept | set(service.tmpfs), name
        status = container.run(["cat", "/proc/self/status"]).stdout
        for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
            assert line in status, name
        assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}\n" in status, name


def open_to_writing(container: Container) -> set[str]:
    """Where something is mounted that is not read-only, the kernel's own aside."""
    lines = container.run(["cat", "/proc/mounts"]).stdout.splitlines()
    mounts = (line.split() for line in lines)
    found = {where for _, where, _, options, *_ in mounts if "rw" in options.split(",")}
    return {where for where in found if not where.startswith(KERNEL)}
