"""What left a site: the parcels of what it said, as they were before they were sealed."""

import json
from collections.abc import Iterator

from grandrounds_client import state as kept
from grandrounds_client.site import Site
from grandrounds_client.state import State
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Parcel, ParcelKind, Reply
from grandrounds_protocol.records import PHASES


def parcels(site: Site, run: str, kind: ParcelKind) -> Iterator[Parcel]:
    """Yield the parcels of a kind that a site sent in a run, in the order in which it did."""
    state = State(site.store, run)
    for name in sorted(state.names("said/"), key=_asked):
        for parcel in Reply.from_bytes(state.need(name)).parcels:
            if parcel.kind == kind:
                yield parcel


def rows(site: Site, run: str) -> VirtualInstances:
    """Return the virtual rows that a site released: each (row, class) once, whoever got it."""
    return lessons(site, run).distinct()


def lessons(site: Site, run: str) -> VirtualInstances:
    """Return what a site released, a row as often as it was sent."""
    members = State(site.store, run).get(kept.ROSTER)
    bounds = Bounds(site.layout.width, site.classes, len(json.loads(members or b"[]")))
    sent = [
        VirtualInstances.from_bytes(parcel.payload, bounds)
        for parcel in parcels(site, run, "instances")
    ]
    return VirtualInstances.concatenate(sent, site.layout.width)


def models(site: Site, run: str) -> list[bytes]:
    """Return the models that a site sent: each round's release, then the candidates."""
    kinds: tuple[ParcelKind, ...] = ("release", "candidate")
    return [parcel.payload for kind in kinds for parcel in parcels(site, run, kind)]


def _asked(name: str) -> tuple[int, int, int]:
    _, number, attempt, phase = name.split("/")
    return int(number), int(attempt), [str(known) for known in PHASES].index(phase)
