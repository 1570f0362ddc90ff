"""A student hears its other peers' models and rows about each sender's, in a round."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grandrounds_client import state as kept
from grandrounds_client.learners import make_learner
from grandrounds_client.release import export
from grandrounds_client.service import answer
from grandrounds_client.site import Site
from grandrounds_client.state import State, candidate_virtual
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.records import RetrainReport
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Federation
from tests.client.asking import ROWS, Make, ask, exact, opened

FIVE = ("north", "south", "west", "east", "a")
FOUR, THREE = FIVE[:4], FIVE[:3]
Met = Callable[[tuple[str, ...]], Site]


@pytest.fixture
def met(federation: Federation, settings: Make, write: Callable[[str], Path]) -> Met:
    """Open a site that has met the models of its peers, all as good as its own."""

    def meet(sites: tuple[str, ...]) -> Site:
        site = opened(federation, settings(learner="naive-bayes"), write(ROWS))
        answer(site, ask(site, "publish", sites=sites))
        own = ModelRelease.from_bytes(State(site.store, "r").need("model-current"))
        releases = [
            Parcel(
                "release",
                name,
                ("north",),
                ModelRelease(own.card.model_copy(update={"site": name}), own.onnx).to_bytes(),
            )
            for name in sites[1:]
        ]
        answer(site, ask(site, "distill", *releases, sites=sites))
        return site

    return meet


def written(sender: str, teacher: int, *, wrong: bool = False, pattern: bool = False) -> Parcel:
    """Rows of the rule that the site's own rows follow, or of its opposite."""
    x = np.random.default_rng(teacher).random((300, 4), np.float32)
    x[:, 0] = np.where(x[:, 0] > 0.5, 0.9, 0.0) + 0.1 * x[:, 0]  # far from where models differ
    x[:, 1:] = np.round(x[:, 1:])
    y = ((x[:, 0] > 0.5) != wrong).astype(np.int32)
    if pattern:
        x[y == 1, 3] = 0.5  # between two levels, where nobody has a row
    lessons = VirtualInstances(x, y, np.full(300, teacher, np.int32))
    return Parcel("instances", sender, ("north",), lessons.to_bytes())


def refused(site: Site, sites: tuple[str, ...], *parcels: Parcel) -> dict[str, dict[str, str]]:
    report = exact(site, ask(site, "retrain", *parcels, sites=sites)).body.report
    assert isinstance(report, RetrainReport)
    return {
        sender: {reason: count for reason, count in reasons.items() if count != "0-9"}
        for sender, reasons in report.refused.items()
        if set(reasons.values()) != {"0-9"}
    }


def senders(site: Site) -> set[int]:
    rows = State(site.store, "r").sent_rows(candidate_virtual(1), Bounds(4, 2, 4))
    return set(rows.sender.tolist())


def test_who_flips_labels_is_not_believed_and_honest_peers_are(met: Met) -> None:
    site = met(FOUR)
    parcels = (written("south", 1), written("west", 2, wrong=True), written("east", 3))
    assert refused(site, FOUR, *parcels) == {"west": {"denied": "200-499"}}
    assert senders(site) >= {1, 3}
    assert 2 not in senders(site)


def test_a_pattern_of_one_sender_stays_out(met: Met) -> None:
    site = met(FOUR)
    parcels = (written("south", 1), written("west", 2, pattern=True), written("east", 3))
    assert refused(site, FOUR, *parcels) == {"west": {"lone pattern": "100-199"}}


def test_with_one_model_beside_the_senders_nobody_is_heard(met: Met) -> None:
    site = met(THREE)
    assert refused(site, THREE, written("south", 1), written("west", 2, wrong=True)) == {}


def test_a_peer_without_a_model_is_no_witness(met: Met) -> None:
    site = met(FOUR)
    for name in ("south", "east"):
        del site.store[f"r/peer-first/{name}"]
    assert refused(site, FOUR, written("south", 1), written("west", 2, wrong=True)) == {}


def test_a_site_may_choose_to_hear_nobody(met: Met) -> None:
    site = met(FOUR)
    trusting = site.settings.model_copy(update={"witnesses": False})
    parcels = (written("south", 1), written("west", 2, wrong=True), written("east", 3))
    assert refused(replace(site, settings=trusting), FOUR, *parcels) == {}


def test_a_peer_in_quarantine_saves_nobodys_rows(met: Met) -> None:
    parcels = (written("south", 1), written("west", 2, wrong=True), written("a", 4))
    heard = []
    for accused in ({}, {"east": 1}):
        site = met(FIVE)
        site.store[f"r/{kept.peer_first('east')}"] = contrary(site, "east")
        site.store[f"r/{kept.QUARANTINE}"] = json.dumps(accused).encode()
        heard.append(refused(site, FIVE, *parcels))
    assert heard == [{}, {"west": {"denied": "200-499"}}]


def contrary(site: Site, name: str) -> bytes:
    """Return a peer's release that says the opposite of what the site's rows say."""
    (learner,) = make_learner("naive-bayes", {}, "test")
    x, y = site.rows.x[:, site.columns], (1 - site.rows.y).astype(np.int32)
    model = learner.fit(x, y, classes=2, weight=None, seed=0)
    own = ModelRelease.from_bytes(site.store[f"r/{kept.CURRENT}"])
    card = own.card.model_copy(update={"site": name})
    return ModelRelease(card, export(model, site.columns, site.layout.width)).to_bytes()
