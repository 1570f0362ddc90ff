"""One site's distill phase on many rows: every model vetted, every lesson written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from grandrounds.bench.rows import CATEGORIES, NUMBERS, made
from grandrounds.bench.setting import SEED
from grandrounds.bench.usage import cpu_seconds, peak_memory
from grandrounds.exact_counts import written
from grandrounds.unsealed import asked
from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.encoding import Encoded
from grandrounds_client.learners import make_learner
from grandrounds_client.phases import Outcome
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, split_rows
from grandrounds_client.worker import Worker, shared_worker
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import (
    DistillOrder,
    DistillReport,
    Heading,
    InstructionBody,
    Order,
    Phase,
    PublishOrder,
)
from grandrounds_protocol.schema import Federation, Rules

ROWS = 20_000
"""Rows that the writing site trains on."""
RADII = (0.0, 0.5)
"""Set cover off, and on."""
WRITER, PEER = "north", "south"
RUN = "bench"
LEARNERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    WRITER: ("tree", {}),
    PEER: ("mlp", {"hidden": [512], "epochs": 4, "batch": 128}),
}


@dataclass(frozen=True)
class Distilled:
    """One distill phase.

    Attributes
    ----------
    rows, columns : int
        Of the site's training rows.
    radius : float
        Of the set cover; 0 is off.
    apart : bool
        Whether the peer's model ran in a process of its own, as it does in the product.
    seconds, cpu : float
        From the question to the answer, before it is sealed.
    written, kept : int
        Counterfactuals, and those left after the set cover.
    converged : float or None
        Share of the counterfactuals.
    engines : dict of str to str
        By teacher's learner.
    peak : int
        Bytes; the largest that the processes have been so far, training included.
    """

    rows: int
    columns: int
    radius: float
    apart: bool
    seconds: float
    cpu: float
    written: int
    kept: int
    converged: float | None
    engines: dict[str, str]
    peak: int


def measure_distill(note: Callable[[str], object], rows: int = ROWS) -> list[Distilled]:
    """Time the distill phase of a site with a tree, whose peer has a net 512 wide.

    Last, the same with both models in this process: what keeping them apart costs.
    """
    off, *others = (
        _distilled(rows, radius, note, apart=apart)
        for radius, apart in (*((radius, True) for radius in RADII), (0.0, False))
    )
    return [off, *(replace(other, written=off.written) for other in others)]


def _distilled(
    rows: int, radius: float, note: Callable[[str], object], *, apart: bool
) -> Distilled:
    rules = Rules(
        recipe="guarded",
        seed=SEED,
        validation=0.1,
        held_out=0.1,
        cover_radius=radius,
        quota=rows,
    )
    note(f"distill: {rows:,} rows, set cover of radius {radius:g}: training")
    north, south = _sites(rows, rules, shared_worker() if apart else None)
    _asked(north, "publish", rules)
    (release,) = _asked(south, "publish", rules).parcels
    note(f"distill: {rows:,} rows, set cover of radius {radius:g}: writing")
    begun, worked = perf_counter(), cpu_seconds()
    report = _asked(north, "distill", rules, release).report
    seconds, cpu = perf_counter() - begun, cpu_seconds() - worked
    if not isinstance(report, DistillReport):
        raise TypeError("a distill phase answers with its report")
    counts = written(north.store, RUN, 1)
    kept = 0 if counts is None else sum(sum(each.values()) for each in counts.taught.values())
    return Distilled(
        rows=len(split_rows(north, rules).train.y),
        columns=north.layout.width,
        radius=radius,
        apart=apart,
        seconds=seconds,
        cpu=cpu,
        written=kept,
        kept=kept,
        converged=report.converged,
        engines={LEARNERS[teacher][0]: engine for teacher, engine in report.engines.items()},
        peak=peak_memory(),
    )


def _sites(rows: int, rules: Rules, worker: Worker | None) -> tuple[Site, Site]:
    """Split made rows: enough for the writer to train on `rows`, a quarter more for its peer."""
    total = round(rows / (1 - rules.validation - rules.held_out))
    x, y, _ = made(rows=total + total // 4, continuous=NUMBERS, categories=CATEGORIES)
    federation = _federation(rules)
    north = _site(WRITER, federation, x[:total], y[:total])
    return replace(north, worker=worker), _site(PEER, federation, x[total:], y[total:])


def _federation(rules: Rules) -> Federation:
    numbers = [{"name": f"number {at}", "low": 0, "high": 1} for at in range(NUMBERS)]
    categories = [
        {"kind": "categorical", "name": f"category {at}", "categories": list(range(values))}
        for at, values in enumerate(CATEGORIES)
    ]
    features = [{"kind": "continuous", **number} for number in numbers] + categories
    table = {"name": "bench", "label": "y", "classes": ["no", "yes"], "features": features}
    return Federation.model_validate({**table, "rules": rules})


def _site(name: str, federation: Federation, x: Rows, y: Labels) -> Site:
    learner, parameters = LEARNERS[name]
    return Site(
        settings=SiteSettings(name=name, data="made", learner=learner),
        federation=federation,
        rows=Encoded(x, y, np.arange(x.shape[1], dtype=np.int64), {}, {}),
        learners=tuple(make_learner(learner, parameters, "bench")),
        store={},
    )


def _asked(site: Site, phase: Phase, rules: Rules, *parcels: Parcel) -> Outcome:
    orders: dict[Phase, Order] = {
        "publish": PublishOrder(schema_digest=site.federation.digest()),
        "distill": DistillOrder(),
    }
    body = InstructionBody(
        heading=Heading(run=RUN, round=1, phase=phase, site=site.name),
        sites=(WRITER, PEER),
        rules=rules,
        order=orders[phase],
    )
    return asked(site, Instruction(body, parcels))
