"""From trials to figures: changes against no distillation, paired by seed and cell."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from grandrounds.bench.learning.contestants import Contestant
from grandrounds.bench.learning.protocols import PROTOCOLS, Cell
from grandrounds.bench.learning.records import Played, Trial
from grandrounds_protocol.record import Record
from grandrounds_protocol.records import Metrics

Figure = Literal["accuracy", "balanced_accuracy", "auc"]
FIGURES: tuple[Figure, ...] = ("balanced_accuracy", "accuracy", "auc")
Stage = Literal["before_review", "adopted"]
STAGES: tuple[Stage, ...] = ("before_review", "adopted")

Pairs = Mapping[tuple[int, str], float]
"""A figure, or its change, by seed and cell."""


class Quartiles(Record):
    """Over seeds, of the mean over cells."""

    low: float
    median: float
    high: float


class Change(Record):
    """How a figure differs from no distillation, on the same cells of the same seeds."""

    change: Quartiles
    wins: float
    """Share of cells and seeds where it is higher."""
    losses: float
    """Share where it is lower; the rest are ties."""
    worst: float
    """The worst cell of each seed: median over seeds."""
    worst_cell: str
    """The cell with the lowest median over seeds, of equal ones the lowest mean:
    protocol/rows tested on/student."""
    cells: dict[str, float]
    """Median over seeds of each cell."""


ByProtocol = dict[str, dict[str, Change | None]]
"""By protocol and figure; null where nothing could be compared."""


class Line(Record):
    """One contestant."""

    says: str
    before_review: ByProtocol
    """Every candidate kept, or what was answered without retraining."""
    adopted: ByProtocol | None
    """After review; null where there was nothing to review."""
    rows: float | None
    """Virtual rows of a student's candidate: median over students, worlds and seeds."""
    adoptions: float | None
    """Share of students that adopted."""
    refused: int
    """Candidates that their students could not have released."""
    failed: dict[str, int]
    """Where it raised, and in how many worlds; their cells are missing."""
    absent: int
    """Worlds in which it has no place."""


def base_of(trials: Sequence[Trial]) -> dict[str, dict[str, Quartiles | None]]:
    """No distillation: by protocol and figure."""
    return {
        protocol: {figure: _quartiles(_base(trials, protocol, figure)) for figure in FIGURES}
        for protocol in PROTOCOLS
    }


def line_of(trials: Sequence[Trial], key: str, contestant: Contestant) -> Line:
    """Sum up one contestant."""
    played = [one for trial in trials if (one := trial.contestants.get(key)) is not None]
    reviewed = [one for one in played if one.adopted is not None]
    raised = [trial.failed[key] for trial in trials if key in trial.failed]
    rows = [count for one in reviewed for count in one.rows.values()]
    students = sum(_students(trial) for trial in trials if _reviewed(trial, key))
    return Line(
        says=contestant.says,
        before_review=_by_protocol(trials, key, lambda one: one.before_review),
        adopted=_by_protocol(trials, key, lambda one: one.adopted or {}) if reviewed else None,
        rows=float(np.median(rows)) if rows else None,
        adoptions=sum(len(one.adopters) for one in reviewed) / students if students else None,
        refused=sum(len(one.refused) for one in played),
        failed={where: raised.count(where) for where in sorted(set(raised))},
        absent=sum(key in trial.contestants for trial in trials) - len(played),
    )


def _reviewed(trial: Trial, key: str) -> bool:
    played = trial.contestants.get(key)
    return played is not None and played.adopted is not None


def _students(trial: Trial) -> int:
    return len({Cell.read(cell).student for cell in trial.base})


def _by_protocol(
    trials: Sequence[Trial], key: str, scores: Callable[[Played], Mapping[str, Metrics]]
) -> ByProtocol:
    return {
        protocol: {
            figure: _change(_changes(trials, key, scores, protocol, figure)) for figure in FIGURES
        }
        for protocol in PROTOCOLS
    }


def _base(trials: Sequence[Trial], protocol: str, figure: Figure) -> Pairs:
    return {
        (trial.seed, cell): value
        for trial in trials
        for cell, metrics in trial.base.items()
        if Cell.read(cell).protocol == protocol and (value := getattr(metrics, figure)) is not None
    }


def _changes(
    trials: Sequence[Trial],
    key: str,
    scores: Callable[[Played], Mapping[str, Metrics]],
    protocol: str,
    figure: Figure,
) -> Pairs:
    after = {
        (trial.seed, cell): getattr(metrics, figure)
        for trial in trials
        if (played := trial.contestants.get(key)) is not None
        for cell, metrics in scores(played).items()
    }
    base = _base(trials, protocol, figure)
    return {at: after[at] - base[at] for at in base if after.get(at) is not None}


def _change(pairs: Pairs) -> Change | None:
    change = _quartiles(pairs)
    if change is None:
        return None
    values = np.array(list(pairs.values()))
    by_cell: dict[str, list[float]] = {}
    for (_, cell), value in pairs.items():
        by_cell.setdefault(cell, []).append(value)
    cells = {cell: float(np.median(changes)) for cell, changes in by_cell.items()}
    return Change(
        change=change,
        wins=float((values > 0).mean()),
        losses=float((values < 0).mean()),
        worst=float(np.median([min(values) for values in _by_seed(pairs)])),
        # after review many medians are 0: then the lower mean tells
        worst_cell=min(cells, key=lambda cell: (cells[cell], float(np.mean(by_cell[cell])))),
        cells=cells,
    )


def _quartiles(pairs: Pairs) -> Quartiles | None:
    if not pairs:
        return None
    means = [float(np.mean(values)) for values in _by_seed(pairs)]
    low, median, high = np.quantile(means, [0.25, 0.5, 0.75]).tolist()
    return Quartiles(low=low, median=median, high=high)


def _by_seed(pairs: Pairs) -> Iterable[list[float]]:
    found: dict[int, list[float]] = {}
    for (seed, _), value in pairs.items():
        found.setdefault(seed, []).append(value)
    return found.values()
