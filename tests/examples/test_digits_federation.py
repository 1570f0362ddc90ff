"""Four sites of handwritten digits, each short of one, teach each other what they lack."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

from grandrounds.simulate import Simulation, prepare, simulate
from grandrounds_client import state as kept
from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.site import Site, split_rows
from grandrounds_client.state import State
from grandrounds_client.variation import movable_columns
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Reply

SITES = 4
KEPT = 4
"""Images of the digit that a site is short of."""
FEDERATION = """\
name = "digits"
label = "digit"
classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

[[features]]
name = "image"
kind = "image"
shape = [8, 8]
high = 16
move = 0.5

[rules]
recipe = "paper"
review_min_rows = 1
"""
SITE = """\
name = "{name}"
data = "images.idx"
labels = "labels.idx"
patients = false
learner = { name = "mlp", epochs = 15, lr = 0.01, weight_decay = 0.01, balanced = false }
"""


def digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    images, labels = load_digits(return_X_y=True)
    return images.astype(np.uint8).reshape(-1, 8, 8), labels.astype(np.uint8)


def write_idx(path: Path, values: npt.NDArray[np.uint8]) -> None:
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(head + values.tobytes())


def write(root: Path) -> None:
    images, labels = digits()
    (root / "federation.toml").write_text(FEDERATION, encoding="utf-8")
    for weak in range(SITES):
        rows = np.arange(weak, len(labels), SITES + 1)
        cut = np.flatnonzero(labels[rows] == weak)[KEPT:]
        rows = np.delete(rows, cut)
        folder = root / f"site{weak}"
        folder.mkdir()
        write_idx(folder / "images.idx", images[rows])
        write_idx(folder / "labels.idx", labels[rows])
        (folder / "site.toml").write_text(SITE.replace("{name}", folder.name), encoding="utf-8")


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Return the federation after its one round."""
    root = tmp_path_factory.mktemp("digits")
    write(root)
    simulation = prepare(root)
    assert simulate(simulation, lambda *_: None).stopped == ""
    return simulation


@pytest.fixture(scope="module")
def unseen() -> tuple[Rows, Labels]:
    """Return the fifth part of the images, which no site has."""
    images, labels = digits()
    rows = np.arange(SITES, len(labels), SITES + 1)
    x = images[rows].reshape(len(rows), -1).astype(np.float32) / np.float32(16)
    return x, labels[rows].astype(np.int32)


def state(simulation: Simulation, site: Site) -> State:
    return State(site.store, simulation.run_name)


Recall = Callable[[str], list[float]]


@pytest.fixture(scope="module")
def recall(federation: Simulation, unseen: tuple[Rows, Labels]) -> Recall:
    """Return each site's recall of its weak digit, for a model kept under a name."""
    x, y = unseen

    def of(model: str) -> list[float]:
        found = []
        for weak, site in enumerate(federation.sites.values()):
            release = state(federation, site).need(model)
            answer = teacher_of(site, release, site.name).predict_proba(x).argmax(axis=1)
            found.append(float((answer[y == weak] == weak).mean()))
        return found

    return of


def test_the_recall_of_what_a_site_lacks_rises(recall: Recall) -> None:
    before, after = recall(kept.FIRST), recall(kept.candidate(1))
    assert all(np.array(after) >= np.array(before))
    assert np.median(after) > np.median(before) + 0.3


def test_what_is_adopted_does_not_fall_behind(recall: Recall) -> None:
    assert np.median(recall(kept.CURRENT)) > np.median(recall(kept.FIRST)) + 0.3


def sent_by(simulation: Simulation, site: Site) -> list[VirtualInstances]:
    """Return the lessons that a site wrote for its peers."""
    answer = site.store[f"{simulation.run_name}/said/1/1/distill"]
    reply = Reply.from_bytes(answer)
    bounds = Bounds(64, 10, SITES)
    return [VirtualInstances.from_bytes(parcel.payload, bounds) for parcel in reply.parcels]


def test_only_the_half_that_varies_most_within_the_class_has_moved(federation: Simulation) -> None:
    moved = 0
    for site in federation.sites.values():
        train = split_rows(site, federation.federation.rules).train
        lessons = VirtualInstances.concatenate(sent_by(federation, site), 64)
        for label in np.unique(lessons.y):
            own, written = train.x[train.y == label], lessons.x[lessons.y == label]
            still = ~movable_columns(own, site.layout)
            assert still.sum() == 32
            # the pixels that stand still are those of a real image, bit for bit
            assert {row.tobytes() for row in written[:, still]} <= {
                row.tobytes() for row in own[:, still]
            }
            images = {row.tobytes() for row in own}
            moved += sum(row.tobytes() not in images for row in written)
    assert moved > 0


def test_a_cover_leaves_rows_out(federation: Simulation, tmp_path: Path) -> None:
    write(tmp_path)
    rules = FEDERATION.replace("[rules]", "[rules]\ncover_radius = 6.0")
    (tmp_path / "federation.toml").write_text(rules, encoding="utf-8")
    covered = prepare(tmp_path)
    simulate(covered, lambda *_: None)
    counts = [
        sum(len(rows) for site in run.sites.values() for rows in sent_by(run, site))
        for run in (covered, federation)
    ]
    assert 0 < counts[0] < counts[1]
