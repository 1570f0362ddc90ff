"""A made hospital, and releases of which it is known what they tell."""

import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from grandrounds_client import state as kept
from grandrounds_client.encoding import Encoded
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.messages import Parcel, Reply
from grandrounds_protocol.records import DistillReport, Heading, ReplyBody
from grandrounds_protocol.schema import Federation

RUN = "made"
MEMBERS = ("north", "south", "west")
FEATURES = [
    {"kind": "continuous", "name": "age", "low": 0, "high": 1},
    {"kind": "continuous", "name": "pressure", "low": 0, "high": 1},
    {"kind": "continuous", "name": "pulse", "low": 0, "high": 1},
    {"kind": "categorical", "name": "pain", "categories": ["a", "b", "c"]},
]


def federation() -> Federation:
    return Federation.model_validate(
        {"name": "made", "label": "ill", "classes": ["no", "yes"], "features": FEATURES}
    )


def draw(count: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Rows in which no two are alike."""
    pain = np.eye(3, dtype=np.float32)[rng.integers(0, 3, count)]
    return np.concatenate([rng.random((count, 3), np.float32), pain], axis=1)


def site(count: int = 200, seed: int = 0) -> Site:
    rng = np.random.default_rng(seed)
    x, y = draw(count, rng), rng.integers(0, 2, count).astype(np.int32)
    settings = SiteSettings(name="north", data="rows.csv", learner="tree")
    return Site(settings, federation(), Encoded(x, y, np.arange(6), {}, {}), (), {})


def that_released(
    site: Site, x: npt.NDArray[np.float32], y: npt.NDArray[np.int32], number: int = 1
) -> Site:
    """The same site after a round in which these rows went to both peers."""
    rows = VirtualInstances(x, y, np.ones(len(y), np.int32))
    report = DistillReport(taught={}, engines={}, converged=None, refused={})
    heading = Heading(run=RUN, round=number, phase="distill", site=site.name)
    parcels = tuple(
        Parcel("instances", site.name, (peer,), rows.to_bytes()) for peer in MEMBERS[1:]
    )
    reply = Reply(ReplyBody(heading=heading, report=report), parcels if len(y) else ())
    store = {
        f"{RUN}/{kept.ROSTER}": json.dumps(MEMBERS).encode(),
        f"{RUN}/said/{number}/1/distill": reply.to_bytes(),
    }
    return replace(site, store={**site.store, **store})
