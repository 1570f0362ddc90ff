"""What cooperative distillation does for a class that a site hardly has (CKD, experiment 5).

Ten sites, each short of one class, recipe `paper`, one round. Every student is scored on
the same test images, which no site has: accuracy, and recall of the class it is short of.

    python prepare.py --out out/fashion
    python experiment.py out/fashion --out out/fashion-experiment
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.distance import cdist

from grandrounds.simulate import Simulation, prepare, run
from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.counterfactuals import Problem, Solution
from grandrounds_client.encoding import Encoded
from grandrounds_client.ensemble import mean_probability
from grandrounds_client.images import read_images
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, split_rows
from grandrounds_client.split import Examples
from grandrounds_client.state import State
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.seeding import generator, integer

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
BASELINE = "no distillation"
METHODS = (
    BASELINE,
    "distilled",
    "distilled, as adopted",
    "raw rows shared",
    "ensemble of first models",
    "own oversampling",
)
FIGURES = ("accuracy", "recall")
SAMPLE = 500
"""Rows whose nearest neighbour is looked for."""


@dataclass(frozen=True)
class Student:
    """One site's figures.

    Attributes
    ----------
    weak : str
        The class it is short of.
    received, distinct, copies : int
        Virtual rows sent to it; those left without repeats; those of them that equal a
        training image of some site bit for bit.
    nearest : float
        Median Manhattan distance of distinct virtual rows to the nearest training image of
        their class at any site, in encoded units, over a sample.
    adopted : bool
        Whether review let the candidate in.
    scores : dict of method to dict of figure to share
        On the test images; `recall` is that of the weak class.
    """

    weak: str
    received: int
    distinct: int
    copies: int
    nearest: float
    adopted: bool
    scores: dict[str, dict[str, float]]


def experiment(
    simulation: Simulation, test: Encoded, watch: Callable[[str], None]
) -> dict[str, Student]:
    """Run the federation and its rivals, and score every student."""
    finished = run(simulation, lambda *at: watch(f"distillation: {at[-1]}"))
    raw = sharing_raw_rows(simulation)
    run(raw, lambda *at: watch(f"raw rows shared: {at[-1]}"))
    watch("scores, and own oversampling")
    together = mean_probability(
        [_predict(site, simulation, kept.FIRST, test.x) for site in simulation.sites.values()]
    )
    private = all_training_rows(simulation)
    fingerprints = _fingerprints(private.x)
    students = {}
    for name, site in simulation.sites.items():
        weak = int(np.bincount(_train(site).y, minlength=site.classes).argmin())
        answers = (
            _predict(site, simulation, kept.FIRST, test.x),
            _predict(site, simulation, kept.candidate(1), test.x),
            _predict(site, simulation, kept.CURRENT, test.x),
            _predict(raw.sites[name], raw, kept.candidate(1), test.x),
            together,
            oversampled(site, test.x),
        )
        lessons = _lessons(site, simulation)
        students[name] = Student(
            weak=site.federation.class_names[weak],
            received=finished.rounds[0].retrained[name].received,
            distinct=len(lessons),
            copies=len(fingerprints & _fingerprints(lessons.x)),
            nearest=nearest(lessons, private),
            adopted=_state(site, simulation).get(kept.VIRTUAL) is not None,
            scores={
                method: score(answer, test, weak)
                for method, answer in zip(METHODS, answers, strict=True)
            },
        )
    return students


def sharing_raw_rows(simulation: Simulation) -> Simulation:
    """Return the same federation, not yet run, with an engine that gives back the seeds."""
    rules = simulation.federation.rules.model_copy(update={"engine": "seeds"})
    federation = simulation.federation.model_copy(update={"rules": rules})
    sites = {
        name: replace(site, federation=federation, engines={"seeds": seeds}, store={})
        for name, site in simulation.sites.items()
    }
    return Simulation(federation, sites)


def seeds(_teacher: Teacher, problem: Problem, _rng: np.random.Generator) -> Solution:
    """Leave every row where it is."""
    nothing = np.zeros(len(problem), np.float32)
    return Solution(problem.x, nothing, nothing.astype(np.bool_))


def oversampled(site: Site, x: Rows) -> Probabilities:
    """Train on own rows, each class drawn up to the size of the largest; answer for `x`."""
    rows, seed = _train(site), site.federation.rules.seed
    rng = generator(seed, site.name, "oversampling")
    of_class = [np.flatnonzero(rows.y == label) for label in np.unique(rows.y)]
    most = max(map(len, of_class))
    drawn = [np.append(own, rng.choice(own, most - len(own))) for own in of_class]
    order = rng.permutation(np.concatenate(drawn))
    model = site.learners[0].fit(
        rows.x[order],
        rows.y[order],
        classes=site.classes,
        weight=None,
        seed=integer(seed, site.name, "oversampling"),
    )
    return model.predict_proba(x)


def all_training_rows(simulation: Simulation) -> Examples:
    """Training rows of all sites together, as only a simulation can see them."""
    parts = [_train(site) for site in simulation.sites.values()]
    return Examples(
        np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
    )


def nearest(rows: Examples | VirtualInstances | Encoded, private: Examples) -> float:
    """Median distance of a sample of rows to the nearest private row of their class."""
    chosen = np.random.default_rng(0).permutation(len(rows.y))[:SAMPLE]
    found = [
        cdist(
            rows.x[chosen[rows.y[chosen] == label]], private.x[private.y == label], "cityblock"
        ).min(axis=1)
        for label in np.unique(rows.y[chosen])
    ]
    return float(np.median(np.concatenate(found)))


def score(answer: Probabilities, test: Encoded, weak: int) -> dict[str, float]:
    """Accuracy on all test images, and recall of the weak class."""
    right = answer.argmax(axis=1) == test.y
    return {"accuracy": float(right.mean()), "recall": float(right[test.y == weak].mean())}


def _train(site: Site) -> Examples:
    return split_rows(site, site.federation.rules).train


def _state(site: Site, simulation: Simulation) -> State:
    return State(site.store, simulation.run_name)


def _predict(site: Site, simulation: Simulation, model: str, x: Rows) -> Probabilities:
    release = _state(site, simulation).need(model)
    return teacher_of(site, release, site.name).predict_proba(x)


def _lessons(site: Site, simulation: Simulation) -> VirtualInstances:
    bounds = Bounds(site.layout.width, site.classes, len(simulation.sites))
    return _state(site, simulation).instances(kept.candidate_virtual(1), bounds)


def _fingerprints(x: Rows) -> set[bytes]:
    return {row.tobytes() for row in x}


def medians(students: dict[str, Student]) -> dict[str, dict[str, list[float]]]:
    """Return quartiles over students, per method: figures, and gains over no distillation."""
    table: dict[str, dict[str, list[float]]] = {}
    for method in METHODS:
        table[method] = {}
        for figure in FIGURES:
            got, base = (
                np.array([student.scores[name][figure] for student in students.values()])
                for name in (method, BASELINE)
            )
            table[method][figure] = _quartiles(got)
            table[method][f"{figure} gain"] = _quartiles(got - base)
    return table


def _quartiles(shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    return [float(value) for value in np.quantile(shares, (0.25, 0.5, 0.75))]


def show(students: dict[str, Student]) -> str:
    """Return Markdown tables: quartiles over students, then each student."""
    heads = "accuracy | gain | recall of the weak class | gain"
    lines = [
        f"| median [quartiles] of {len(students)} students, percent | {heads} |",
        "|---|---:|---:|---:|---:|",
    ]
    for method, row in medians(students).items():
        quartiles = " | ".join(map(_cell, row.values()))
        lines.append(f"| {method} | {quartiles} |")
    heads = "accuracy | recall | received | distinct | copies | nearest | adopted"
    lines += [
        "",
        f"| student | weak class | {heads} |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, student in students.items():
        before, after = student.scores[BASELINE], student.scores["distilled"]
        moved = [f"{100 * before[figure]:.1f} → {100 * after[figure]:.1f}" for figure in FIGURES]
        counts = (student.received, student.distinct, student.copies)
        near, adopted = f"{student.nearest:.2f}", "yes" if student.adopted else "no"
        cells = [*moved, *map(str, counts), near, adopted]
        lines.append(f"| {name} | {student.weak} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(quartiles: Sequence[float]) -> str:
    low, median, high = (100 * value for value in quartiles)
    return f"{median:.1f} [{low:.1f}, {high:.1f}]"


def read_test(source: Path, federation: Federation) -> Encoded:
    """Read the common test images, which no site has."""
    files = {"data": "t10k-images-idx3-ubyte.gz", "labels": "t10k-labels-idx1-ubyte.gz"}
    return read_images(SiteSettings(name="test", learner="none", **files), source, federation)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the tables, write results.json; return the exit code."""
    parser = argparse.ArgumentParser(description="Measure cooperative distillation on images.")
    parser.add_argument("folder", type=Path, help="what prepare.py wrote")
    parser.add_argument("--source", type=Path, default=DEBIAN, help=f"default: {DEBIAN}")
    parser.add_argument("--out", type=Path, default=Path("out/fashion-experiment"))
    parser.add_argument("--seed", type=int)
    options = parser.parse_args(arguments)
    # small nets on small batches: a second thread waits more than it computes
    torch.set_num_threads(1)
    started = time.monotonic(), time.process_time()

    def watch(step: str) -> None:
        print(f"{time.monotonic() - started[0]:7.0f} s  {step}", file=sys.stderr, flush=True)

    try:
        simulation = prepare(options.folder, recipe="paper", rounds=1, seed=options.seed)
        test = read_test(options.source, simulation.federation)
        students = experiment(simulation, test, watch)
    except GrandRoundsError as error:
        parser.exit(error.exit_code, f"{error}\n")
    seconds = {"wall": time.monotonic() - started[0], "cpu": time.process_time() - started[1]}
    private = all_training_rows(simulation)
    apart = nearest(test, private)
    results = {
        "rows": {name: len(site.rows.y) for name, site in simulation.sites.items()},
        "seed": simulation.federation.rules.seed,
        "seconds": seconds,
        "nearest to a test image": apart,
        "medians": medians(students),
        "students": {name: asdict(student) for name, student in students.items()},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "experiment.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    print(show(students))
    print(f"\na test image lies {apart:.1f} from the nearest training image of its class")
    print(f"\n{seconds['wall']:.0f} s, {seconds['cpu']:.0f} s of them computing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
