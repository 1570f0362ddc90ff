"""What `coordinator init` makes: keys that nobody else reads, certificates that verify."""

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key
from cryptography.x509.verification import PolicyBuilder, Store

from grandrounds.cli import run_command


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_every_secret_is_its_owners_only(members: Path) -> None:
    secrets = [*members.rglob("*.key"), members / "hub/secrets/superexec"]
    assert len(secrets) == 9  # hub 4, north and south 2 each, the authority 1
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "superlink", "10.1.2.3", "a.example"])
def test_the_servers_certificate_verifies_by_every_name(members: Path, host: str) -> None:
    command = ["coordinator", "init", "hub2", "--host", "a.example", "--host", "10.1.2.3"]
    assert run_command([*command, "--federation", "federation.toml"]) == 0
    assert run_command(["coordinator", "renew", "hub2"]) == 0
    root = certificate(members / "hub2/tls/ca.pem")
    server = certificate(members / "hub2/tls/server.pem")
    try:
        name: x509.IPAddress | x509.DNSName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    policy = PolicyBuilder().store(Store([root])).build_server_verifier(name)
    assert policy.verify(server, []) == [server, root]
    days = server.not_valid_after_utc - server.not_valid_before_utc
    assert days.days == 825


def test_a_new_certificate_has_a_new_key_and_the_same_root(members: Path) -> None:
    before = {path.name: path.read_bytes() for path in (members / "hub/tls").iterdir()}
    assert run_command(["coordinator", "renew", "hub"]) == 0
    after = {path.name: path.read_bytes() for path in (members / "hub/tls").iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"server.key", "server.pem"}


def test_a_nodes_key_is_what_flower_reads(members: Path) -> None:
    private = load_ssh_private_key((members / "north/node/node.key").read_bytes(), None)
    public = load_ssh_public_key((members / "north/node/node.pub").read_bytes())
    assert private.public_key() == public


def test_keys_are_not_made_twice(members: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (members / "hub").rglob("*") if path.is_file()}
    command = ["coordinator", "init", "hub", "--host", "x.example"]
    assert run_command([*command, "--federation", "federation.toml"]) == 2
    assert "coordinator renew" in capsys.readouterr().err
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("host", ["", "a b", "../x", "-x", "a..b", "1.2.3.4.5", "ä.example"])
def test_a_host_that_is_none_is_refused(members: Path, host: str) -> None:
    command = ["coordinator", "init", "new", "--host", host, "--federation", "federation.toml"]
    assert run_command(command) == 2
    assert not (members / "new").exists()


def test_the_folder_of_the_node_holds_no_other_key(members: Path) -> None:
    own = (members / "north/keys/0001.key").read_text().strip()
    for path in (members / "north/node").iterdir():
        assert own not in path.read_text()
