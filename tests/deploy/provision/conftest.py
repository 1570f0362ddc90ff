"""A coordinator, two sites and the authority that enrolled them, as people type it."""

import shutil
from pathlib import Path

import pytest

from grandrounds.cli import run_command

FEDERATION = """\
name = "demo"
label = "outcome"
classes = ["well", "ill"]

[[features]]
name = "age"
kind = "continuous"
low = 0
high = 1000

[[features]]
name = "dose"
kind = "continuous"
low = 0
high = 1000

[rules]
recipe = "private"
"""


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provisioned once; each test works on a copy."""
    folder = tmp_path_factory.mktemp("provisioned")
    (folder / "federation.toml").write_text(FEDERATION)
    hub = ["coordinator", "init", "hub", "--host", "localhost", "--port", "8443"]
    requests = [f"{name}/enrolment.json" for name in ("hub", "north", "south")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (
            [*hub, "--federation", "federation.toml"],
            ["site", "init", "north", "--site", "north"],
            ["site", "init", "south", "--site", "south"],
            ["authority", "init", "authority", "--federation", "demo"],
            ["authority", "enroll", "authority", *requests, "--yes"],
        ):
            assert run_command(command) == 0
    return folder


@pytest.fixture
def members(provisioned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Their folders: hub, north, south, authority; the working folder is theirs."""
    copy = tmp_path / "members"
    shutil.copytree(provisioned, copy)
    monkeypatch.chdir(copy)
    return copy
