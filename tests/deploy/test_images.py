"""Images and docker-compose.yml: sound by their own rules, and as closed as the docs say."""

import ast
import re
import subprocess
import sys
from concurrent import futures
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_health.v1 import health as service
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grandrounds.cli import run_command
from grandrounds.provision.compose import write_environment
from grandrounds.provision.coordinator_folder import begin
from grandrounds.running import health

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
CONTAINERFILE = ROOT / "deploy" / "images" / "Containerfile"
HEART = ROOT / "deploy" / "examples" / "heart"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def tool(name: str, *arguments: str) -> None:
    found = subprocess.run(
        [str(BIN / name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint is not installed")
def test_the_containerfile_is_clean() -> None:
    tool("hadolint", "deploy/images/Containerfile")


@pytest.mark.skipif(not (BIN / "check-jsonschema").exists(), reason="no check-jsonschema")
def test_compose_meets_its_schema() -> None:
    tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
"""


def left_out(*lists: str) -> set[str]:
    """What the images leave out, as it is imported."""
    text = CONTAINERFILE.read_text()
    packages = {
        each for name in lists for each in re.findall(rf'ARG {name}="(.+)"', text)[0].split()
    }
    found = {
        module for module, owners in packages_distributions().items() if packages & set(owners)
    }
    assert len(found) >= len(packages)
    return found


def in_image(missing: set[str], code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing) + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("stage", "lists"),
    [
        pytest.param("build-site", ["UNUSED"], marks=pytest.mark.slow),
        ("build-coordinator", ["UNUSED", "LEARNING"]),
    ],
)
def test_an_image_has_all_that_its_programs_load(stage: str, lists: list[str]) -> None:
    """What the Containerfile has the image itself load, without what it leaves out."""
    section = CONTAINERFILE.read_text().partition(f" AS {stage}\n")[2].partition("\nFROM ")[0]
    program = re.findall(r'python -c "([^"]+)"', section.replace("\\\n", ""))[0]
    done = in_image(left_out(*lists), program)
    assert done.returncode == 0, done.stderr


def test_no_command_of_a_coordinator_loads_what_its_image_leaves_out() -> None:
    """Also where it imports late."""
    folder = ROOT / "deploy" / "grandrounds"
    files = [
        *(folder / "commands").glob("coordinator*.py"),
        folder / "commands" / "authority.py",
        *(folder / "coordinating").glob("*.py"),
    ]
    modules = {
        node.module
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert "grandrounds.coordinating.screen" in modules
    program = f"import {', '.join(sorted(modules))}"
    done = in_image(left_out("UNUSED", "LEARNING"), program)
    assert done.returncode == 0, done.stderr


def test_the_coordinators_image_needs_nothing_to_train_with(tmp_path: Path) -> None:
    command = "from grandrounds.cli import run_command; sys.exit(run_command(sys.argv[1:]))"
    missing = left_out("UNUSED", "LEARNING")
    begun = f"sys.argv[1:] = ['coordinator', 'init', {str(tmp_path / 'hub')!r}, '--host', 'a.org',"
    begun += f" '--federation', {str(HEART / 'federation.toml')!r}]\n"
    done = in_image(missing, begun + command)
    assert done.returncode == 0, done.stderr
    done = in_image(missing, f"sys.argv[1:] = ['simulate', {str(HEART)!r}]\n{command}")
    assert done.returncode == 2
    assert "not installed here" in done.stderr
    assert "the site's" in done.stderr


def test_every_container_is_closed(compose: dict[str, Any]) -> None:
    for name, service_ in compose["services"].items():
        assert service_["read_only"] is True, name
        assert service_["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service_["security_opt"], name
        assert "privileged" not in service_, name
        assert not any("docker.sock" in str(each) for each in service_["volumes"]), name
        if name != "admin":
            assert service_["healthcheck"]["test"][0] == "CMD", name


def test_one_port_is_published_and_only_two_parts_see_the_world(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, each in services.items() if "ports" in each] == ["edge"]
    assert len(services["edge"]["ports"]) == 1
    closed = {name for name, each in compose["networks"].items() if (each or {}).get("internal")}
    assert closed == {"inside", "house"}
    outward = {name for name, each in services.items() if set(each["networks"]) - closed}
    assert outward == {"edge", "node"}


def test_what_others_send_to_a_hospital_has_a_bound_in_memory(compose: dict[str, Any]) -> None:
    """The node keeps a message before anybody looked at its signature."""
    at_a_site = [each for each in compose["services"].values() if "site" in each["profiles"]]
    assert len(at_a_site) == 2
    assert all("mem_limit" in each for each in at_a_site)


def test_what_sees_the_world_sees_no_data_and_no_signing_key(compose: dict[str, Any]) -> None:
    def mounts(name: str) -> set[str]:
        return {each.partition("}")[2].partition(":")[0] for each in services[name]["volumes"]}

    services = compose["services"]
    assert mounts("node") == {"/node"}
    assert mounts("edge") == {"/tls", "/state/edge"}
    # the edge passes what the world says on to the link
    assert mounts("link") == {"/tls", "/secrets", "/nodes", "/state/link"}


def test_what_is_mounted_is_there_before_docker_would_make_it(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    """What docker makes is root's, and the containers are not root."""
    federation = HEART / "federation.toml"
    begin(tmp_path / "hub", federation, ["localhost"], 443)
    assert run_command(["site", "init", str(tmp_path / "north"), "--site", "north"]) == 0
    for name, each in compose["services"].items():
        folder = tmp_path / ("north" if name in {"node", "site"} else "hub")
        for mount in each["volumes"]:
            below = mount.partition("}")[2].partition(":")[0].lstrip("/")
            assert (folder / below).is_dir(), (name, mount)
            assert (folder / below).stat().st_mode & 0o077 == 0 or not below, (name, mount)


def test_a_folder_says_where_it_lies_and_whose_it_is(tmp_path: Path) -> None:
    write_environment(tmp_path, EDGE_PORT="8443")
    lines = dict(
        line.split("=", 1)
        for line in (tmp_path / "compose.env").read_text().splitlines()
        if not line.startswith("#")
    )
    owner = tmp_path.stat()
    assert lines["GRANDROUNDS_DIR"] == str(tmp_path.resolve())
    assert lines["GRANDROUNDS_USER"] == f"{owner.st_uid}:{owner.st_gid}"
    assert lines["EDGE_PORT"] == "8443"


@pytest.mark.parametrize("well", [True, False])
def test_health_is_what_the_program_says(well: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said = health_pb2.HealthCheckResponse
    servicer = service.HealthServicer()
    servicer.set("", said.SERVING if well else said.NOT_SERVING)
    server = grpc.server(futures.ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setattr(health, "ADDRESS", f"127.0.0.1:{port}")
    try:
        assert health.main([]) == (0 if well else 1)
    finally:
        server.stop(None)


def test_a_program_that_is_not_there_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ADDRESS", "127.0.0.1:9")
    assert health.main([]) == 1
    assert health.main(["--what"]) == 2
