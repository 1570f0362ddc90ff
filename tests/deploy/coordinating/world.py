"""A coordinator and three sites of made rows, whose folders outlive their processes."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flwr.app import Context, Message

from grandrounds.coordinating import driving
from grandrounds.coordinating.order import Order, write_order
from grandrounds.folder import read_folder
from grandrounds.in_process import InProcessGrid, Written, crashed, deliver, read, write
from grandrounds.provision.coordinator_folder import Coordinator
from grandrounds.provision.identity import open_ledger
from grandrounds.site_on_disk import SiteOnDisk, on_disk, opened
from grandrounds.throwaway import Throwaway
from grandrounds_client.app import client_app
from grandrounds_client.ledger import AnsweredEntry
from grandrounds_client.site import Site
from grandrounds_protocol.schema import Federation
from grandrounds_server.asking import Patience
from grandrounds_server.checkpoints import Checkpoints, Run
from grandrounds_server.database import Database
from grandrounds_server.journal import Event, Journal
from grandrounds_server.state import Plan

SITES = ("north", "south", "west")
WIDTH, ROWS = 4, 120
QUICK = Patience(again=0.001, longest=0.005, silence=5.0)


class Killed(BaseException):
    """A process is gone; nobody may catch it."""


@dataclass(frozen=True)
class World:
    """Who takes part, by what lies on the disk."""

    coordinator: Coordinator
    places: dict[str, SiteOnDisk]

    @property
    def state(self) -> Path:
        return self.coordinator.state

    def order(self, *, run: str = "first", rounds: int = 1, resume: bool = False) -> Order:
        order = Order(run=run, rounds=rounds, resume=resume, phase_timeout=60.0)
        write_order(self.state, order)
        return order

    def drive(self, grid: "HomeGrid | None" = None) -> None:
        """Drive what was ordered, over sites whose processes start anew."""
        grid = HomeGrid(self.places) if grid is None else grid
        driving.drive(
            self.coordinator.folder, grid, find_nodes=lambda _: grid.nodes, patience=QUICK
        )

    def run(self, **order: object) -> Run:
        """Order, drive, and return how it ended."""
        self.order(**order)  # type: ignore[arg-type]
        self.drive()
        return self.runs()[-1]

    def runs(self) -> list[Run]:
        with closing(Database(self.state, look=True)) as database:
            return Checkpoints(database, self.state).runs()

    def events(self, run: str = "first") -> list[Event]:
        with closing(Database(self.state, look=True)) as database:
            return [line.event for line in Journal(database, run, float).lines()]

    def answered(self) -> Iterator[AnsweredEntry]:
        """Every question that the sites' ledgers say was answered."""
        for place in self.places.values():
            for entry in open_ledger(place.home).entries():
                if isinstance(entry.what, AnsweredEntry):
                    yield entry.what

    def plan(self) -> Plan:
        with closing(Database(self.state, look=True)) as database:
            return Checkpoints(database, self.state).plan("first")


class HomeGrid(InProcessGrid):
    """Sites that live in their folders; one whose process dies is opened again."""

    def __init__(self, places: dict[str, SiteOnDisk]) -> None:
        super().__init__(client_app(self._find), places)
        self._places = places
        self._open: dict[str, Site] = {}

    def _find(self, context: Context) -> Site:
        name = str(context.node_config["site"])
        if name not in self._open:
            self._open[name] = opened.__wrapped__(self._places[name])
        return self._open[name]

    def _deliver(self, message: Message) -> str:
        node = message.metadata.dst_node_id
        site, written = self._sites[node], write(message)
        try:
            copy = Written(written.name, dict(written.objects))  # reading takes it apart
            self._replies[written.name] = read(self.answer(node, site, copy))
        except SiteKilled:
            self._open.pop(site, None)
            self._replies[written.name] = crashed(node, written)
        return written.name

    def answer(self, node: int, site: str, written: Written) -> Written:
        return deliver(self._app, node, site, written)


class SiteKilled(Killed):
    """A site's process, not the coordinator's."""


def make_rows(folder: Path, seed: int) -> None:
    names = [f"m{at}" for at in range(WIDTH)]
    x = np.random.default_rng(seed).random((ROWS, WIDTH)).round(3)
    y = np.where(x[:, 0] + x[:, 1 + seed % 3] > 1, "ill", "well")
    lines = [",".join([*map(str, row), label]) for row, label in zip(x.tolist(), y, strict=True)]
    (folder / "rows.csv").write_text("\n".join([",".join([*names, "outcome"]), *lines]))


def make_federation(root: Path, rules: str, sites: Sequence[str] = SITES) -> Path:
    root.mkdir(parents=True)
    features = "".join(
        f'[[features]]\nname = "m{at}"\nkind = "continuous"\nlow = 0\nhigh = 1\n'
        for at in range(WIDTH)
    )
    head = 'name = "made"\nlabel = "outcome"\nclasses = ["well", "ill"]\n'
    (root / "federation.toml").write_text(f"{head}{features}[rules]\n{rules}\n")
    for seed, name in enumerate(sites):
        (root / name).mkdir()
        (root / name / "site.toml").write_text(
            f'name = "{name}"\ndata = "rows.csv"\nlearner = "tree"\npatients = false\n'
        )
        make_rows(root / name, seed)
    return root


def make_world(root: Path, rules: str = 'recipe = "guarded"\nreview_min_rows = 1') -> World:
    read = read_folder(make_federation(root / "federation", rules))
    keys = Throwaway.of(read.federation.name, SITES)
    folders = ((site.settings, site.folder) for site in read.sites)
    places = on_disk(folders, read.federation, root / "homes", keys)
    return World(
        coordinator_of(root / "coordinator", keys, read.federation),
        {place.settings.name: place for place in places},
    )


def coordinator_of(folder: Path, keys: Throwaway, federation: Federation) -> Coordinator:
    coordinator = Coordinator(folder, keys.coordinator, keys.roster, federation, "here:443", {})
    coordinator.state.mkdir(parents=True, mode=0o700)
    return coordinator
