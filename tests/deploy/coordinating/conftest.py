"""Makes worlds for all tests here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds.provision.coordinator_folder import Coordinator
from tests.deploy.coordinating.world import World, make_world


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Make a world in a folder of its own, whose coordinator is found as if it were enrolled."""
    monkeypatch.setattr("grandrounds_server.asking.POLL", 0.002)
    monkeypatch.setattr("os.fsync", lambda _: None)  # a kill loses nothing that was written
    known: dict[Path, Coordinator] = {}
    monkeypatch.setattr("grandrounds.coordinating.driving.open_coordinator", known.__getitem__)

    def making(name: str = "world", **options: str) -> World:
        world = make_world(tmp_path / name, **options)
        known[world.coordinator.folder] = world.coordinator
        return world

    return making


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    """Make one."""
    return make()
