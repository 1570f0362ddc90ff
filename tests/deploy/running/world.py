"""The folders of a coordinator and its sites, enrolled and joined, without anybody asked."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from grandrounds.provision import authority, coordinator_folder, recorded, requests
from grandrounds.provision.identity import KEYS, wall_clock
from grandrounds.provision.keyring import add_keys
from grandrounds.provision.node import FOLDER, Node, make_node_key, point_to
from grandrounds.running.addresses import LOOPBACK, free_port
from grandrounds_protocol.bundle import read_bundle
from grandrounds_protocol.enrolment import Application, sign_request
from grandrounds_protocol.roster import Member, read_roster

DAYS = 30


@dataclass(frozen=True)
class World:
    """Where everybody's folder lies."""

    coordinator: Path
    sites: dict[str, Path]

    @property
    def edge(self) -> str:
        return Node(next(iter(self.sites.values())) / FOLDER).address


def enrolled_world(
    root: Path, federation: Path, name: str, host: str = LOOPBACK, port: int | None = None
) -> World:
    """Provision a federation's folder, each site's copied first; without a port, on a free one."""
    coordinator = root / "coordinator"
    member = coordinator_folder.begin(
        coordinator, federation / "federation.toml", [host], port or free_port()
    )
    sites = {
        path.parent.name: root / "sites" / path.parent.name
        for path in sorted(federation.glob("*/site.toml"))
    }
    for site, folder in sites.items():
        shutil.copytree(federation / site, folder)
    office = authority.begin(root / "authority", name, wall_clock(), DAYS)
    files = [coordinator / "enrolment.json", *(apply(folder, n) for n, folder in sites.items())]
    asked = requests.read_requests(office.requests, office.roster, files, wall_clock())
    members = (member, *(each.member for each in asked if each.member.role == "site"))
    made = authority.publish(office, members, wall_clock(), DAYS)
    requests.keep(made.requests, asked)
    assert authority.publish_bundle(made) == ()
    data = made.bundle.read_bytes()
    coordinator_folder.accept_bundle(coordinator, data, lambda _: None)
    for folder in sites.values():
        join(folder, data)
    return World(coordinator, sites)


def apply(folder: Path, name: str) -> Path:
    """Make a site's keys and its request."""
    keys = add_keys(folder / KEYS)
    member = Member(name=name, role="site", keys=keys.public)
    node = make_node_key(Node(folder / FOLDER))
    request = folder / "enrolment.json"
    application = Application(created=wall_clock(), member=member, node=node)
    request.write_bytes(sign_request(application, keys))
    return request


def join(folder: Path, data: bytes) -> None:
    """Accept a bundle at a site."""
    bundle = read_bundle(data, None)
    roster = bundle.bundle.roster.encode()
    fingerprint = read_roster(roster, None)[1].fingerprint
    recorded.begin(folder, fingerprint, roster, wall_clock())
    (folder / "federation.toml").write_text(bundle.bundle.federation)
    point_to(Node(folder / FOLDER), bundle.bundle.address, bundle.bundle.ca)
