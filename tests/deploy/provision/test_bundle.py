"""From nothing to a bundle that a coordinator and two sites accepted, and what is refused."""

import shutil
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds.provision.coordinator_folder import accept_bundle, open_coordinator
from grandrounds.provision.site_folder import open_site_folder

FEDERATION = """\
name = "demo"
label = "outcome"
classes = ["well", "ill"]

[[features]]
name = "age"
kind = "continuous"
low = 18
high = 100
"""


def provision(folder: Path) -> None:
    """Make a coordinator, two sites and an authority that enrolled them, in a folder."""
    (folder / "federation.toml").write_text(FEDERATION)
    hub = ["coordinator", "init", "hub", "--host", "hub.example.org", "--port", "8443"]
    for command in (
        [*hub, "--federation", "federation.toml"],
        ["site", "init", "north", "--site", "north"],
        ["site", "init", "south", "--site", "south"],
        ["authority", "init", "authority", "--federation", "demo"],
        ["authority", "enroll", "authority", *requests("hub", "north", "south"), "--yes"],
    ):
        assert run_command(command) == 0


def requests(*names: str) -> list[str]:
    return [f"{name}/enrolment.json" for name in names]


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provisioned once; each test works on a copy."""
    folder = tmp_path_factory.mktemp("provisioned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        provision(folder)
    return folder


@pytest.fixture
def demo(provisioned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "demo"
    shutil.copytree(provisioned, copy)
    monkeypatch.chdir(copy)
    return copy


def join(site: str, bundle: str = "authority/bundle.json") -> int:
    return run_command(["site", "join", site, bundle, "--yes", "--no-start"])


def accept(demo: Path) -> None:
    accept_bundle(demo / "hub", (demo / "authority" / "bundle.json").read_bytes(), lambda _: None)


def test_a_coordinator_and_sites_open_what_the_authority_bundled(demo: Path) -> None:
    accept(demo)
    assert join("north") == 0
    hub = open_coordinator(demo / "hub")
    assert hub.roster.sites == ("north", "south")
    assert hub.address == "hub.example.org:8443"
    assert hub.nodes["north"].read_text() == (demo / "north/node/node.pub").read_text()
    north = open_site_folder(demo / "north")
    assert north.federation == hub.federation
    assert north.node.address == hub.address
    assert north.node.root.read_text() == hub.tls.root.read_text()
    assert hub.office.roster.coordinator.keys == hub.keys.public
