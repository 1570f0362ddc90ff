"""The coordinator, with full logging, its files and its state, learns no row, label, weight, count.

A whole run is played. Everything that reaches the coordinator or leaves it is kept as Flower's
bytes, and what it puts on disk, its state after each phase, and every log line. What
the sites said before they sealed it is in their own stores: that is what is searched for.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flwr.clientapp import ClientApp
from onnx import numpy_helper

from grandrounds import in_process
from grandrounds.coordinating import driving, follow, metrics
from grandrounds.coordinating.order import Order, write_order
from grandrounds.exact_counts import with_exact_counts, written
from grandrounds.in_process import Written
from grandrounds.provision.coordinator_folder import Coordinator as Coordinating
from grandrounds.simulate import Simulation, _find_site, prepare, run
from grandrounds.throwaway import Throwaway
from grandrounds_client.app import client_app
from grandrounds_client.arrays import Rows
from grandrounds_client.identity import Identity
from grandrounds_client.ledger import Ledger
from grandrounds_client.release import STARTS
from grandrounds_client.site import Site, Store, split_rows
from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.envelope import Letter, Sealed
from grandrounds_protocol.errors import BadEnvelope
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.records import PHASES, AdoptReport, RetrainReport
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.signed import Signed
from grandrounds_server import spool
from grandrounds_server.checkpoints import Checkpoints
from grandrounds_server.journal import Event, Journal
from grandrounds_server.rounds import Finished
from grandrounds_server.state import RunState
from grandrounds_server.steps import absorb

from .search import found, labels, pairs

WIDTH, HIGH, SEED = 6, 1000, 5
SITES = {"north": ("tree", 643), "south": ("logistic", 709), "west": ("naive-bayes", 787)}
"""Learner and rows: numbers at which no range begins."""
LEAST_COUNT = 102
"""Smaller counts stand anywhere: a round, a port, a length."""
Secrets = dict[bytes, str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write three sites of made patients."""
    root = tmp_path / "federation"
    root.mkdir()
    names = [f"m{at}" for at in range(WIDTH)]
    features = "".join(
        f'[[features]]\nname = "{name}"\nkind = "continuous"\nlow = 0\nhigh = {HIGH}\n'
        for name in names
    )
    head = 'name = "made"\nlabel = "outcome"\nclasses = ["well", "ill"]\n'
    (root / "federation.toml").write_text(f"{head}{features}[rules]\n", encoding="utf-8")
    for seed, (site, (learner, rows)) in enumerate(SITES.items()):
        x = (np.random.default_rng(seed).random((rows, WIDTH)) * HIGH).round(1)
        y = np.where(x[:, 0] + x[:, 1 + seed] > HIGH, "ill", "well")
        lines = [
            ",".join([*map(str, row), label]) for row, label in zip(x.tolist(), y, strict=True)
        ]
        (root / site).mkdir()
        (root / site / "rows.csv").write_text("\n".join([",".join([*names, "outcome"]), *lines]))
        (root / site / "site.toml").write_text(
            f'name = "{site}"\ndata = "rows.csv"\nlearner = "{learner}"\n', encoding="utf-8"
        )
    return root


@dataclass
class Coordinator:
    """All that a coordinator of full curiosity has."""

    wire: list[bytes] = field(default_factory=list)
    disk: list[bytes] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    """The sites' own; not the coordinator's."""

    def signed(self) -> list[Signed]:
        """Every message, out of Flower's bytes."""
        starts = ((data, data.find(b"GRS\x01")) for data in self.wire)
        return [Signed.from_bytes(data[at:]) for data, at in starts if at >= 0]

    def readable(self) -> str:
        """Return all that is not ciphertext."""
        parts = [head for message in self.signed() for head in headings(message)]
        return "\n".join([*(part.decode() for part in parts), *self.states, *self.log])


def headings(message: Signed) -> Iterator[bytes]:
    """Heads of a message, of what is in it, and of its envelopes."""
    yield message.head_bytes
    read = Instruction if message.head.purpose == "instruction" else Reply
    body = read.from_bytes(bytes(message.body))
    yield body.body.model_dump_json().encode()
    for parcel in body.parcels:
        yield f"{parcel.kind} {parcel.sender} {parcel.recipients}".encode()
        yield core_of(parcel)


def core_of(parcel: Parcel) -> bytes:
    try:
        return Letter.from_bytes(parcel.payload).core
    except BadEnvelope:
        return Sealed.from_bytes(parcel.payload).core


@pytest.fixture
def coordinator(monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]) -> Coordinator:
    """Let the coordinator keep whatever passes it; it shares a process with the sites."""
    keeps = Coordinator()
    in_houses = [0]
    deliver, put, identity = in_process.deliver, spool.SpoolFile.put, Throwaway.identity

    def delivering(app: ClientApp, node: int, site: str, asked: Written) -> Written:
        before = len(logged())
        keeps.log.append(logged()[in_houses[0] : before])
        reply = deliver(app, node, site, asked)
        in_houses[0] = len(logged())
        keeps.wire += [*asked.objects.values(), *reply.objects.values()]
        return reply

    def putting(file: spool.SpoolFile, payload: spool.Bytes) -> spool.Place:
        keeps.disk.append(bytes(payload))
        return put(file, payload)

    def absorbing(*given: Any) -> RunState:
        state = absorb(*given)
        keeps.states.append(repr(state))
        return state

    def ending(finished: Finished, stores: Mapping[str, Store]) -> Finished:
        keeps.states.append(repr(finished))
        keeps.log.append(logged()[in_houses[0] :])
        return with_exact_counts(finished, stores)

    def identifying(keys: Throwaway, name: str) -> Identity:
        made = identity(keys, name)
        keeps.ledgers.append(made.ledger)
        return made

    monkeypatch.setattr(in_process, "deliver", delivering)
    monkeypatch.setattr(spool.SpoolFile, "put", putting)
    monkeypatch.setattr("grandrounds_server.rounds.absorb", absorbing)
    monkeypatch.setattr("grandrounds.simulate.with_exact_counts", ending)
    monkeypatch.setattr(Throwaway, "identity", identifying)
    return keeps


def said(simulation: Simulation) -> list[Reply]:
    """What the sites said before it was rounded and sealed, out of their own stores."""
    start = f"{simulation.run_name}/said/"
    stores = (site.store for site in simulation.sites.values())
    kept = [value for store in stores for key, value in store.items() if key.startswith(start)]
    return [Reply.from_bytes(value) for value in kept]


def secrets_of(simulation: Simulation) -> Secrets:
    """Everything that others must not learn, as bytes."""
    secrets: Secrets = {}
    for site in simulation.sites.values():
        split = split_rows(site, site.federation.rules)
        for part in (split.train, split.validation, split.held_out):
            secrets |= pairs(part.x, "patients") | labels(part.y, "patients' labels")
    for parcel in (parcel for reply in said(simulation) for parcel in reply.parcels):
        if parcel.kind == "instances":
            rows = instances(parcel)
            secrets |= pairs(rows.x, "virtual rows") | labels(rows.y, "virtual labels")
        else:
            secrets |= weights(ModelRelease.from_bytes(parcel.payload).onnx)
    return secrets


def instances(parcel: Parcel) -> VirtualInstances:
    return VirtualInstances.from_bytes(parcel.payload, Bounds(WIDTH, 2, len(SITES)))


def weights(graph: bytes) -> Secrets:
    """A model's bytes in pieces, and its tensors and thresholds."""
    secrets = {graph[at : at + 64]: "model: ONNX" for at in range(0, len(graph) - 64, 64)}
    for numbers in stored(onnx.load_model_from_string(graph)):
        secrets |= pairs(numbers.reshape(1, -1), "model: weights")
    return secrets


def stored(model: onnx.ModelProto) -> Iterator[Rows]:
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            yield numpy_helper.to_array(tensor)
    for attribute in (each for node in model.graph.node for each in node.attribute):
        if attribute.floats:
            yield np.array(attribute.floats, np.float32)
        if attribute.HasField("t") and attribute.t.data_type == onnx.TensorProto.FLOAT:
            yield numpy_helper.to_array(attribute.t)


def counts_of(simulation: Simulation) -> set[int]:
    """Exact numbers of rows, read, sent, received, written, adopted; in all and by class."""
    counts: list[int] = []
    for site in simulation.sites.values():
        split = split_rows(site, site.federation.rules)
        for y in (site.rows.y, split.train.y, split.validation.y, split.held_out.y):
            counts += [len(y), *Counter(y.tolist()).values()]
        counts += lessons(site, simulation.run_name)
    for reply in said(simulation):
        counts += [len(instances(each)) for each in reply.parcels if each.kind == "instances"]
        match reply.body.report:
            case RetrainReport(received=count) | AdoptReport(virtual_rows=count):
                counts.append(count)
    public = {*STARTS, *simulation.federation.rules.model_dump().values()}
    return {count for count in counts if count >= LEAST_COUNT} - public


def lessons(site: Site, name: str) -> list[int]:
    """How many lessons a site wrote in its first round, by teacher and student."""
    done = written(site.store, name, 1)
    return [] if done is None else [n for of in done.taught.values() for n in of.values()]


def told(counts: set[int], text: str) -> set[int]:
    """Return which counts stand in a text as numbers of their own, not as ends of a range."""
    return counts & {int(number) for number in re.findall(r"(?<![\w.-])\d{3,9}(?![\w.-])", text)}


@pytest.mark.parametrize("recipe", ["private", "guarded"])
def test_the_coordinator_learns_no_row_label_weight_or_count(
    folder: Path, coordinator: Coordinator, recipe: str
) -> None:
    simulation = prepare(folder, recipe=recipe, rounds=2, seed=SEED)
    run(simulation, lambda *_: None)
    sent = {parcel.kind for reply in said(simulation) for parcel in reply.parcels}
    assert sent == {"release", "instances", "candidate"}
    secrets, counts = secrets_of(simulation), counts_of(simulation)
    texts = [text.encode() for text in (*coordinator.states, *coordinator.log)]
    assert len(coordinator.disk) > len(SITES) * 2
    assert found(secrets, [*coordinator.wire, *coordinator.disk, *texts]) == set()
    assert told(counts, coordinator.readable()) == set()
    assert every_count_is_rounded(coordinator)
    # what was searched for is what would have stood there, had nothing been sealed and rounded
    assert found(secrets, [reply.to_bytes() for reply in said(simulation)]) >= {
        "virtual rows: float32",
        "virtual labels: <i4",
        "model: ONNX",
        "model: weights: float32",
    }
    assert told(counts, "".join(reply.body.model_dump_json() for reply in said(simulation)))


def test_what_a_coordinator_keeps_of_a_run_holds_no_row_label_weight_or_count(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = prepare(folder, recipe="guarded", seed=SEED)
    keys = simulation.keys
    coordinator = Coordinating(
        tmp_path / "c", keys.coordinator, keys.roster, simulation.federation, "here:443", {}
    )
    coordinator.state.mkdir(parents=True)
    write_order(coordinator.state, Order(run=simulation.run_name))
    monkeypatch.setattr(driving, "open_coordinator", lambda _: coordinator)
    kept: list[tuple[str, bytes]] = []
    end = Checkpoints.end

    def keeping(journal: Journal, event: Event) -> None:
        write(journal, event)
        if event.what == "kept":
            kept.extend((path.suffix, path.read_bytes()) for path in files(coordinator.state))

    def ending(*given: Any) -> None:
        end(*given)
        kept.extend((path.suffix, path.read_bytes()) for path in files(coordinator.state))

    write = Journal.write
    monkeypatch.setattr(Journal, "write", keeping)
    monkeypatch.setattr(Checkpoints, "end", ending)
    grid = in_process.InProcessGrid(client_app(_find_site(simulation)), simulation.sites)
    driving.drive(coordinator.folder, grid, find_nodes=lambda _: grid.nodes)
    assert {path.name for path in files(coordinator.state)} >= {"runs.sqlite", "results.json"}
    assert max(len(data) for kind, data in kept if kind == ".parcels") > 10_000
    secrets, counts = secrets_of(simulation), counts_of(simulation)
    assert found(secrets, [data for _, data in kept]) == set()
    for name in ("results.json", "report.html"):
        text = (coordinator.state / "runs" / simulation.run_name / name).read_text()
        # colours and sizes of what is drawn are no counts
        drawn = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", text, flags=re.DOTALL)
        assert told(counts, drawn) == set()
    for page in (metrics.page(coordinator.state), journal_of(coordinator, simulation.run_name)):
        assert told(counts, without_traffic(page)) == set()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def journal_of(coordinator: Coordinating, run: str) -> str:
    lines = follow.kept(coordinator.state, run).lines
    return "\n".join(line.event.model_dump_json(exclude={"time"}) for line in lines)


def without_traffic(page: str) -> str:
    """Leave out sizes of messages and of the database, which are padded ciphertext."""
    page = re.sub(r"^\w+_bytes.*$", "", page, flags=re.MULTILINE)
    return re.sub(r'"(sent|received|seconds)":[\d.]+', "", page)


def every_count_is_rounded(coordinator: Coordinator) -> bool:
    """Whether every number of rows in every reply is where a range begins."""
    replies = [
        Reply.from_bytes(bytes(message.body)).body.report
        for message in coordinator.signed()
        if message.head.purpose == "reply"
    ]
    assert {report.phase for report in replies if report is not None} == set(PHASES)
    found = re.findall(
        r'"(?:n|received|virtual_rows|north|south|west)":(\d+)[,}]',
        "".join(report.model_dump_json() for report in replies if report is not None),
    )
    return bool(found) and {int(number) for number in found} <= set(STARTS)


def test_a_sites_own_ledger_holds_counts_and_no_row_label_or_weight(
    folder: Path, coordinator: Coordinator
) -> None:
    simulation = prepare(folder, recipe="guarded", seed=SEED)
    run(simulation, lambda *_: None)
    lines = [to_canonical(entry) for ledger in coordinator.ledgers for entry in ledger.entries()]
    assert any(b'"sealed"' in line and b'"rows":null' not in line for line in lines)
    assert found(secrets_of(simulation), lines) == set()
