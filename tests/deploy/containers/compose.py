"""What docker-compose.yml says of one folder, as compose would read it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_SECONDS = {"s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Mount:
    """A folder of the host within a container."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True)
class Service:
    """One container, as compose would start it."""

    name: str
    image: str
    user: int
    group: int
    entrypoint: tuple[str, ...]
    """Empty: the image's."""
    command: tuple[str, ...]
    mounts: tuple[Mount, ...]
    tmpfs: dict[str, str]
    """Options by the folder's path."""
    names: dict[str, tuple[str, ...]]
    """By the network: what others there call it."""
    health: tuple[str, ...]
    """Arguments of its healthcheck; empty where it has none."""
    patience: float
    """Seconds that a healthcheck may take."""
    after: tuple[str, ...]
    """Services that must be well first."""
    read_only: bool
    capabilities: bool
    new_privileges: bool


def services(folder: Path, profile: str) -> dict[str, Service]:
    """Read the services of a profile, for a folder that has a `compose.env`."""
    known = dict(
        line.split("=", 1)
        for line in (folder / "compose.env").read_text().splitlines()
        if not line.startswith("#")
    )
    read = yaml.safe_load(FILE.read_text())["services"]
    return {
        name: _service(name, _filled(table, known))
        for name, table in read.items()
        if profile in table["profiles"]
    }


def internal() -> set[str]:
    """Networks that no way out leads through."""
    networks = yaml.safe_load(FILE.read_text())["networks"]
    return {name for name, table in networks.items() if (table or {}).get("internal")}


def _filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        name, how, other = match.groups()
        if name in known:
            return known[name]
        assert how == "-", f"{name}: {other}"
        return str(other)

    return _VARIABLE.sub(found, value)


def _service(name: str, table: dict[str, Any]) -> Service:
    user, group = table["user"].split(":")
    networks = table["networks"]
    health = table.get("healthcheck", {"test": ["CMD"], "timeout": "0s"})
    assert health["test"][0] == "CMD"
    return Service(
        name=name,
        image=table["image"].partition(":")[0],
        user=int(user),
        group=int(group),
        entrypoint=tuple(table.get("entrypoint", ())),
        command=tuple(table["command"]),
        mounts=tuple(_mount(each) for each in table["volumes"]),
        tmpfs=dict(each.split(":", 1) for each in table["tmpfs"]),
        names={network: (name, *_aliases(networks, network)) for network in networks},
        health=tuple(health["test"][1:]),
        patience=float(health["timeout"][:-1]) * _SECONDS[health["timeout"][-1]],
        after=tuple(table.get("depends_on", ())),
        read_only=table.get("read_only", False),
        capabilities=table.get("cap_drop") != ["ALL"],
        new_privileges="no-new-privileges:true" not in table.get("security_opt", ()),
    )


def _aliases(networks: Any, network: str) -> tuple[str, ...]:
    table = networks[network] if isinstance(networks, dict) else None
    return tuple((table or {}).get("aliases", ()))


def _mount(text: str) -> Mount:
    source, target, *how = text.split(":")
    return Mount(Path(source), target, how == ["ro"])
