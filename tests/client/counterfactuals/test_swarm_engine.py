"""The swarm against the engines that know more, and pyswarms' habits kept out."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.counterfactuals import (
    ENGINES,
    Problem,
    distances,
    find,
    gaps,
    objective,
    target,
)
from grandrounds_client.counterfactuals.archive import Archive
from grandrounds_client.counterfactuals.particles import Pool, start
from grandrounds_client.counterfactuals.topology import Instances, Swarm, clip
from grandrounds_client.teacher import Teacher

swarm = importlib.import_module("grandrounds_client.counterfactuals.swarm")


def objectives(teacher: Teacher, problem: Problem, engine: str) -> Floats:
    found = ENGINES[engine](teacher, problem, np.random.default_rng(0)).x
    gap = gaps(teacher.predict_proba(found), problem.target)
    return objective(distances(found, problem.x), gap, problem.lambdas[0])


@pytest.mark.parametrize(
    ("kind", "engine", "tolerance"), [("tree", "exact", 1.15), ("logistic", "adam", 1.3)]
)
def test_it_comes_close_to_the_engine_that_sees_inside(
    teachers: dict[str, Teacher],
    rows: Rows,
    labels: Labels,
    kind: str,
    engine: str,
    tolerance: float,
) -> None:
    x, y = rows[200:], 1 - labels[200:]
    start = teachers[kind].predict_proba(x)
    wanted = target(start, y, 0.5)
    problem = Problem(x, start, wanted, np.ones(25, np.bool_), 0.05, lambdas=(256.0,))
    far = gaps(start, wanted) > 0.05
    best, found = (objectives(teachers[kind], problem, name)[far] for name in (engine, "swarm"))
    ratio = found[best > 0] / best[best > 0]
    assert np.median(ratio) < tolerance
    if engine == "exact":
        assert ratio.min() > 1 - 1e-4


def test_a_batch_of_one_has_uniform_rows_to_borrow_from(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    converged = [
        find(
            teachers["forest"], rows[at : at + 1], 1 - labels[at : at + 1],
            rng=np.random.default_rng(at), engine="swarm",
        ).converged[0]
        for at in range(300, 310)
    ]  # fmt: skip
    assert np.mean(converged) >= 0.8


def test_memory_is_bounded_by_flying_a_part_at_a_time(
    monkeypatch: pytest.MonkeyPatch, teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    monkeypatch.setattr("grandrounds_client.counterfactuals.swarm.CELLS", 25 * 24 * 10)
    asked: list[int] = []

    def predict(x: Rows) -> Rows:
        asked.append(len(x))
        return teachers["logistic"].predict_proba(x)

    teacher = Teacher("north", "black box", np.arange(25), 2, predict)
    found = find(teacher, rows[:100], 1 - labels[:100], rng=np.random.default_rng(0))
    assert found.converged.mean() > 0.9
    assert max(asked) <= 512


def test_particles_follow_the_best_of_their_own_instance() -> None:
    position = np.array([[0.0], [0.1], [0.8], [0.9]], np.float32)
    cost = np.array([2, 1, 3, 4], np.float32)
    swarm = Swarm(
        position=position, velocity=0 * position, options={"w": 0.0, "c1": 0.0, "c2": 1.0},
        pbest_cost=cost,
    )  # fmt: skip
    topology = Instances(2, np.random.default_rng(0))
    swarm.best_pos, swarm.best_cost = topology.compute_gbest(swarm)
    assert swarm.best_pos[:, 0].tolist() == pytest.approx([0.1, 0.1, 0.8, 0.8])
    assert swarm.best_cost.tolist() == [1, 1, 3, 3]
    swarm.velocity = topology.compute_velocity(swarm)
    velocity = swarm.velocity[:, 0]
    assert 0 < velocity[0] < 0.1
    assert velocity[1] == velocity[2] == 0
    assert -0.1 < velocity[3] < 0


def test_positions_stop_at_the_walls() -> None:
    assert clip(np.array([-0.2, 0.5, 1.3], np.float32), (0, 1)).tolist() == [0, 0.5, 1]


def test_the_archive_answers_every_lambda_from_points_already_seen() -> None:
    x = np.zeros((1, 1), np.float32)
    none = np.zeros((1, 2), np.float32)
    archive = Archive(Problem(x, none, none, np.ones(1, np.bool_), 0.05, lambdas=(1.0, 100.0)))
    position = np.array([[[0.0], [1.0]]], np.float32)
    archive.see(position, position[:, :, 0], np.array([[0.5, 0.01]], np.float32))
    first, met = archive.first(0.05)
    assert (first.tolist(), met.tolist()) == ([1], [True])
    assert archive.best(first).tolist() == [[1.0]]
    assert archive.best(np.array([0])).tolist() == [[0.0]]
    archive.see(position, position[:, :, 0] + 5, np.array([[0.9, 0.9]], np.float32))
    assert archive.best(first).tolist() == [[1.0]]
    half = position * np.float32(0.5)
    archive.see(half, half[:, :, 0], np.array([[0.9, 0.02]], np.float32))
    assert archive.best(first).tolist() == [[0.5]]


def test_what_is_kept_of_personal_bests_is_true_of_them_at_the_present_lambda(
    teachers: dict[str, Teacher], rows: Rows, labels: Labels
) -> None:
    teacher, x, rng = teachers["logistic"], rows[:6], np.random.default_rng(0)
    begin = teacher.predict_proba(x)
    wanted = target(begin, 1 - labels[:6], 0.5)
    problem = Problem(x, begin, wanted, np.ones(25, np.bool_), 0.05)
    first = start(Pool(teacher, problem, rng), problem, swarm.PARTICLES, rng)
    flight = swarm._launch(teacher, problem, first)
    for _ in range(4):
        swarm._raise_lambda(flight, last=False)
        swarm._move(teacher, flight, rng)
    swarm._raise_lambda(flight, last=False)

    best = flight.swarm.pbest_pos
    seeds, goals = (np.repeat(part, swarm.PARTICLES, axis=0) for part in (x, wanted))
    distance, gap = distances(best, seeds), gaps(teacher.predict_proba(best), goals)
    np.testing.assert_allclose(flight.distance, distance, atol=1e-6)
    np.testing.assert_allclose(flight.gap, gap, atol=1e-6)
    cost = objective(distance, gap, np.repeat(flight.lam, swarm.PARTICLES))
    np.testing.assert_allclose(flight.swarm.pbest_cost, cost, rtol=1e-4, atol=1e-4)


SCRIPT = """
import logging, os
before = os.environ.get("LOG_CFG")
logging.getLogger("theirs").setLevel(7)
import numpy as np
from grandrounds_client.counterfactuals import find
from grandrounds_client.teacher import Teacher
teacher = Teacher("north", "toy", np.arange(2), 2, lambda x: np.stack([1 - x[:, 0], x[:, 0]], 1))
x = np.full((3, 2), 0.2, np.float32)
found = find(teacher, x, np.ones(3, np.int32), rng=np.random.default_rng(0), engine="swarm")
assert found.converged.all()
assert logging.getLogger().handlers == [], logging.getLogger().handlers
assert logging.getLogger().level == logging.WARNING
assert logging.getLogger("theirs").level == 7
assert not logging.getLogger("theirs").disabled
assert os.environ.get("LOG_CFG") == before
"""


@pytest.mark.parametrize("config", [None, "theirs.yaml"])
def test_pyswarms_leaves_no_file_no_handler_and_no_variable(
    tmp_path: Path, config: str | None
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LOG_CFG"}
    if config is not None:
        environment["LOG_CFG"] = config
    done = subprocess.run(  # our own interpreter on our own text
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
