"""What the edge lets through: Flower's Fleet interface, and nothing of Control and Runtime."""

import errno
import http.client
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grandrounds.provision.tls import Tls, make_certificates
from grandrounds.running import addresses, edge
from grandrounds.running.addresses import LOOPBACK, free_port
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.transport import join_address
from tests.deploy.running.test_supervise import until

needs_nginx = pytest.mark.skipif(
    not Path("/usr/sbin/nginx").exists() and shutil.which("nginx") is None,
    reason="nginx is not installed: apt install nginx-light",
)


class Link(BaseHTTPRequestHandler):
    """Stands for the SuperLink: tells what reached it, and by how many connections."""

    protocol_version = "HTTP/1.1"
    reached: list[str]
    connections: int

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.reached.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def link(tls: Tls) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer((LOOPBACK, 0), Link)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.server, tls.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    made = Tls(tmp_path_factory.mktemp("own") / "tls")
    make_certificates(made, [LOOPBACK], int(time.time()))
    return made


@pytest.fixture
def port(tmp_path: Path, tls: Tls) -> Iterator[int]:
    """Run an edge in front of something that answers everything."""
    Link.reached, Link.connections = [], 0
    server, port = link(tls), free_port()
    command = edge.command(
        tmp_path / "edge",
        tls,
        listen=[f"{LOOPBACK}:{port}"],
        link=f"{LOOPBACK}:{server.server_port}",
    )
    process = subprocess.Popen(command)
    try:
        until(lambda: addresses.answers(f"{LOOPBACK}:{port}", tls.root))
        yield port
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()
        server.server_close()


def ask(port: int, tls: Tls, path: str, method: str = "POST", body: bytes = b"x") -> int:
    context = addresses.trusting(tls.root)
    connection = http.client.HTTPSConnection(LOOPBACK, port, context=context, timeout=10)
    try:
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        return connection.getresponse().status
    finally:
        connection.close()


CLOSED = [
    "/",
    "/docs",
    "/openapi.json",
    "/v1/control/start-run",
    "/v1/control/register-node",
    "/v1/runtime/acquire-task",
    "/v1/runtime/push-messages",
    "/v1/fleet",
    "/v1/fleetx/pull-messages",
    "/V1/Fleet/pull-messages",
    "/v1/fleet/../control/start-run",
    "/v1/fleet/%2e%2e/control/start-run",
    "/v1/fleet/x%2f..%2f..%2fcontrol/start-run",
    "//v1//control//start-run",
    "/v1/./control/start-run",
]
BY_ITSELF = [
    "/v1/fleet/register-node",
    "/v1/fleet//register-node",
    "/v1/fleet/register%2dnode",
    "/v1/fleet/./register-node?x=1",
    "/v1/fleet/x/../register-node",
]


@needs_nginx
def test_only_fleet_is_let_through_and_no_node_registers_itself(port: int, tls: Tls) -> None:
    assert ask(port, tls, "/v1/fleet/pull-messages") == 200
    assert Link.reached == ["/v1/fleet/pull-messages"]
    for path in CLOSED:
        assert ask(port, tls, path) in (301, 400, 404), path
    for path in BY_ITSELF:
        assert ask(port, tls, path) == 403, path
    assert Link.reached == ["/v1/fleet/pull-messages"]


@needs_nginx
def test_a_body_has_a_bound_and_health_tells_the_time(port: int, tls: Tls) -> None:
    assert ask(port, tls, "/v1/fleet/push-object", body=bytes(6 << 20)) == 200
    connection = http.client.HTTPSConnection(LOOPBACK, port, context=addresses.trusting(tls.root))
    connection.putrequest("POST", "/v1/fleet/push-object")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert Link.reached == ["/v1/fleet/push-object"]
    connection = http.client.HTTPSConnection(LOOPBACK, port, context=addresses.trusting(tls.root))
    connection.request("GET", "/health")
    reply = connection.getresponse()
    assert reply.status == 200
    assert parsedate_to_datetime(reply.headers["Date"]).year >= 2026
    connection.close()


@needs_nginx
def test_one_address_has_so_many_requests_under_way_at_most(port: int, tls: Tls) -> None:
    context, held = addresses.trusting(tls.root), []
    try:
        for _ in range(128):  # each waits for a body that does not come
            held.append(http.client.HTTPSConnection(LOOPBACK, port, context=context, timeout=10))
            held[-1].putrequest("POST", "/v1/fleet/push-object")
            held[-1].putheader("Content-Length", "2")
            held[-1].endheaders()
            held[-1].send(b"x")
        until(lambda: ask(port, tls, "/v1/fleet/pull-messages") == 503)
    finally:
        for connection in held:
            connection.close()
    until(lambda: ask(port, tls, "/v1/fleet/pull-messages") == 200)


@needs_nginx
def test_requests_share_a_connection_to_the_link(port: int, tls: Tls) -> None:
    for _ in range(5):
        assert ask(port, tls, "/v1/fleet/pull-messages") == 200
    assert len(Link.reached) == 5
    assert Link.connections == 1


@needs_nginx
def test_the_edge_is_reached_by_every_kind_of_address_that_the_machine_has(tmp_path: Path) -> None:
    hosts = [LOOPBACK, "::1"] if Path("/proc/net/if_inet6").exists() else [LOOPBACK]
    made = Tls(tmp_path / "tls")
    make_certificates(made, hosts, int(time.time()))
    port = free_port()
    link = f"{LOOPBACK}:1"
    command = edge.command(tmp_path / "edge", made, listen=addresses.everywhere(port), link=link)
    process = subprocess.Popen(command)
    try:
        for host in hosts:
            until(partial(addresses.answers, join_address(host, port), made.root), 20)
    finally:
        process.terminate()
        process.wait(10)


def test_where_there_is_no_ipv6_the_edge_is_not_told_to_listen_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("socket.socket", refuse)
    assert addresses.everywhere(443) == ("443",)


@needs_nginx
def test_the_edge_passes_nothing_to_a_link_of_another_root(
    tmp_path: Path, tls: Tls, tmp_path_factory: pytest.TempPathFactory
) -> None:
    Link.reached = []
    other = Tls(tmp_path_factory.mktemp("other") / "tls")
    make_certificates(other, [LOOPBACK], int(time.time()))
    server, port = link(other), free_port()
    command = edge.command(
        tmp_path / "edge",
        tls,
        listen=[f"{LOOPBACK}:{port}"],
        link=f"{LOOPBACK}:{server.server_port}",
    )
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: addresses.answers(f"{LOOPBACK}:{port}", tls.root))
        assert ask(port, tls, "/v1/fleet/pull-messages") == 502
        assert Link.reached == []
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", ["a b", "a;b", "a{b", "a$b", 'a"b', "a#b", "a\nb"])
def test_a_path_that_would_change_the_configuration_is_refused(tls: Tls, name: str) -> None:
    with pytest.raises(BadInput, match="plainer path"):
        edge.configuration(Path("/srv") / name, tls, listen=["443"], link="superlink:8000")
