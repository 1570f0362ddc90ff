"""What the release gate does to each site's lessons, and how near what it releases still is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console

from grandrounds.bench.gate_cost import EXPLAIN, Cost, measure_cost
from grandrounds.bench.gate_cost import table as cost_table
from grandrounds.bench.table import digits
from grandrounds.privacy.membership import Scores, auc, by_distance, by_equal_numbers, fold
from grandrounds.privacy.nearness import own_columns
from grandrounds.privacy.parts import NEITHER, TRAINED, membership
from grandrounds.simulate import prepare
from grandrounds.tables import titled
from grandrounds.threads import one_thread
from grandrounds.unsealed import asked
from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.counterfactuals import find
from grandrounds_client.expertise import expertise
from grandrounds_client.gate import House, Lot, gate
from grandrounds_client.gate.alike import raw_features
from grandrounds_client.gate.filters import copies
from grandrounds_client.gate.nearest import Neighbours
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.recipes import Classroom, find_recipe
from grandrounds_client.site import Site, split_rows
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import Heading, InstructionBody, PublishOrder
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator

QUOTA = 1000
Attack = Callable[[Rows, Rows], Scores]
"""(rows asked about, released rows), both on own columns -> scores."""
FIGURES = {
    "percentile": "p05",
    "written": "written",
    "released": "released",
    "copies_before": "copies\nbefore",
    "copies_after": "copies\nafter",
    "near_before": "near\nbefore",
    "near_after": "near\nafter",
}
ATTACKS = {"distance": "AUC\ndist.", "equal_numbers": "AUC\nequal"}
"""Attributes of `Gating`, and the heads of their columns."""


@dataclass(frozen=True)
class Gating:
    """One site's first round; shares are of lessons, a lesson being one row for one student.

    Attributes
    ----------
    site : str
    seed : int
    closed : bool
        Whether nothing at all was released; then every share below is None.
    percentile : float
        5th percentile of the distances of validation rows to their nearest training row.
    written : int
    refused, released : float or None
        Share of the lessons written.
    copies_before, copies_after : float or None
        Share of the rows written, and released, that equal a training or validation row.
    near_before, near_after : float or None
        Share of them nearer to a training row than the 5th percentile of held-out rows.
    distance, equal_numbers : float or None
        AUC of telling training from held-out rows by the released ones.
    """

    site: str
    seed: int
    closed: bool
    percentile: float
    written: int
    refused: float | None
    released: float | None
    copies_before: float | None
    copies_after: float | None
    near_before: float | None
    near_after: float | None
    distance: float | None
    equal_numbers: float | None


def measure_gating(
    folder: Path, recipe: str, seeds: int, note: Callable[[str], object]
) -> list[Gating]:
    """Write, on every site and for every seed, the first round's lessons, and gate them."""
    measured: list[Gating] = []
    for seed in range(seeds):
        note(f"gate: seed {seed + 1} of {seeds}")
        measured += _round(folder, recipe, seed)
    return measured


def run(
    folder: Path, recipe: str, seeds: int, note: Callable[[str], object]
) -> tuple[list[Gating], dict[str, Cost]]:
    """Measure what the gate does, and what it costs."""
    prepare(folder, recipe=recipe)  # what cannot be used is refused before any work
    with one_thread():
        return (
            measure_gating(folder, recipe, seeds, note),
            measure_cost(folder, recipe, seeds, note),
        )


def show(console: Console, recipe: str, measured: list[Gating], costs: dict[str, Cost]) -> None:
    """Print the median over seeds of every figure by site, and of every cost."""
    table = titled(
        f"{recipe}: the first round's lessons",
        text=("site",),
        numbers=("closed", *FIGURES.values(), *ATTACKS.values()),
        padding=(0, 0),
    )
    for site in dict.fromkeys(one.site for one in measured):
        rows = [one for one in measured if one.site == site]
        closed = sum(one.closed for one in rows)
        figures = [_median([getattr(row, name) for row in rows]) for name in FIGURES]
        told = [_median([getattr(row, name) for row in rows], fold) for name in ATTACKS]
        table.add_row(site, f"{closed}/{len(rows)}", *figures, *told)
    console.print(table)
    console.print(
        "closed: seeds for which nothing was released; figures are medians over the others "
        "(written, and shares before the gate: over all). p05: 5th percentile of the distances "
        "of validation rows to the nearest training row; released: of the lessons written; "
        "copies: of the rows, equal to an own row; near: nearer to a training row than the 5th "
        "percentile of held-out rows; AUC: max(AUC, 1 - AUC) of telling training from held-out "
        "rows by their distance to the released ones, by equal numbers.\n"
    )
    console.print(cost_table(recipe, costs))
    console.print(EXPLAIN)


def _median(values: list[float | None], of: Callable[[float], float] = float) -> str:
    defined = [value for value in values if value is not None]
    return digits(of(median(defined))) if defined else "-"


def _round(folder: Path, recipe: str, seed: int) -> list[Gating]:
    simulation = prepare(folder, recipe=recipe, seed=seed)
    rules, sites = simulation.federation.rules, simulation.sites
    releases = {name: _published(site, rules, tuple(sites)) for name, site in sites.items()}
    return [
        _gated(site, rules, [teacher_of(site, releases[name], name) for name in sites])
        for site in sites.values()
    ]


def _published(site: Site, rules: Rules, members: tuple[str, ...]) -> bytes:
    body = InstructionBody(
        heading=Heading(run="bench", round=1, phase="publish", site=site.name),
        sites=members,
        rules=rules,
        order=PublishOrder(schema_digest=site.federation.digest()),
    )
    return asked(site, Instruction(body)).parcels[0].payload


def _gated(site: Site, rules: Rules, teachers: list[Teacher]) -> Gating:
    split = split_rows(site, rules)
    lots = _written(site, rules, teachers)
    house = House(split.train.x, split.validation.x, site.columns, site.layout)
    rng = generator(rules.seed, site.name, "gate")
    released = gate(lots, house, quota=QUOTA, rng=rng, min_rows=site.min_rows(rules))
    written = sum(int(lot.students.sum()) for lot in lots)
    passed = list(released.passages.teachers.values())

    def share(count: int) -> float | None:
        return count / written if written and not house.closed else None

    before, after = (_rows(site, part) for part in (lots, released.lots))
    bar = _held_out_percentile(site, rules)
    return Gating(
        site=site.name,
        seed=rules.seed,
        closed=house.closed,
        percentile=house.percentile,
        written=written,
        refused=share(sum(sum(one.refused.values()) for one in passed)),
        released=share(sum(one.released for one in passed)),
        copies_before=_share(copies(before, house)),
        copies_after=_share(copies(after, house)),
        near_before=_share(_nearest(site, rules, before) < bar),
        near_after=_share(_nearest(site, rules, after) < bar),
        distance=_told(site, rules, after, by_distance),
        equal_numbers=_told(site, rules, after, partial(_by_equal_numbers, site)),
    )


def _written(site: Site, rules: Rules, teachers: list[Teacher]) -> list[Lot]:
    train = split_rows(site, rules).train
    predictions = np.stack([teacher.predict_proba(train.x) for teacher in teachers])
    classroom = Classroom(train.x, train.y, expertise(predictions, train.y), predictions)
    recipe = find_recipe(rules.recipe, "bench")
    lots: list[Lot] = []
    for lessons in recipe(classroom, generator(rules.seed, site.name, "recipe")):
        teacher = teachers[lessons.teacher]
        found = find(
            teacher,
            lessons.x,
            lessons.y,
            rng=generator(rules.seed, site.name, "counterfactuals", teacher.name),
            alpha=rules.alpha,
            epsilon=rules.epsilon,
            layout=site.layout if lessons.valid else None,
        )
        peers = np.array([other.name != site.name for other in teachers])
        lots.append(Lot(teacher, lessons.x, found.x, lessons.y, lessons.students & peers))
    return lots


def _rows(site: Site, lots: list[Lot]) -> Rows:
    """Rows for at least one student, on the site's own columns."""
    none = np.zeros((0, len(site.columns)), np.float32)
    rows = [lot.x[lot.students.any(axis=1)][:, site.columns] for lot in lots]
    return np.concatenate([none, *rows])


def _held_out_percentile(site: Site, rules: Rules) -> float:
    held_out = split_rows(site, rules).held_out.x[:, site.columns]
    return float(np.quantile(_nearest(site, rules, held_out), 0.05))


def _nearest(site: Site, rules: Rules, rows: Rows) -> Floats:
    train = np.ascontiguousarray(split_rows(site, rules).train.x[:, site.columns])
    return Neighbours(train).nearest(rows)


def _told(site: Site, rules: Rules, left: Rows, attack: Attack) -> float | None:
    if not len(left):
        return None
    part = membership(site, rules)
    asked = part != NEITHER
    scores = attack(own_columns(site, site.rows.x[asked]), left)
    return auc(scores, part[asked] == TRAINED)


def _by_equal_numbers(site: Site, x: Rows, left: Rows) -> Scores:
    kinds = raw_features(site.columns, site.layout)
    numbers = [part.start for kind, part in kinds if kind == 0]
    return by_equal_numbers(x[:, numbers], left[:, numbers])


def _share(mask: Mask) -> float | None:
    return float(mask.mean()) if len(mask) else None
