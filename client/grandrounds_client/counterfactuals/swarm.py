"""The engine for black boxes: one particle swarm for all instances of a batch."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Rows
from grandrounds_client.counterfactuals.archive import Archive
from grandrounds_client.counterfactuals.give_back import give_back
from grandrounds_client.counterfactuals.particles import Pool, home, start
from grandrounds_client.counterfactuals.problem import (
    Problem,
    Solution,
    distances,
    gaps,
    objective,
)
from grandrounds_client.counterfactuals.topology import Instances, Swarm, compute_pbest
from grandrounds_client.teacher import Teacher

PARTICLES = 24
MOVES = 30
"""Moves of the swarm; lambda may rise before each."""
SETTLE = 20
"""Moves an instance still makes after it has converged, for a shorter way."""
OPTIONS = {"w": 0.5, "c1": 1.5, "c2": 0.6}
"""Inertia, pull of a particle's own best, pull of its instance's best.

The last is weak on purpose: the particles of an instance start on different columns, and
a strong common best would have them all change all of these.
"""
CELLS = 4_000_000
"""Entries of the positions [n * P, D] held at a time: 16 MB of float32 each."""


def swarm(teacher: Teacher, problem: Problem, rng: np.random.Generator) -> Solution:
    """Solve CKD eq. 2 through `predict_proba` alone, by particle swarm.

    All instances are one swarm of n x P particles whose best is per instance. Distance
    and gap of every personal best are kept, so raising lambda asks the teacher nothing.
    At last each instance offers its columns back to the seed, one by one. A seed
    that already meets its target is returned as it is: at the first lambda no move can
    gain more than epsilon^2.
    """
    moved, lam = problem.x.copy(), np.full(len(problem), problem.lambdas[0], dtype=np.float32)
    far = np.flatnonzero(gaps(problem.start, problem.target) > problem.epsilon)
    if len(far) and problem.movable.any():
        pool = Pool(teacher, problem, rng)
        rows = max(1, CELLS // (PARTICLES * problem.x.shape[1]))
        for at in range(0, len(far), rows):
            chosen = far[at : at + rows]
            part = problem.rows(chosen)
            x, lam[chosen] = _search(teacher, part, pool, rng)
            moved[chosen] = give_back(teacher, part, x, lam[chosen])
    elif len(far):
        lam[far] = problem.lambdas[-1]
    return Solution(moved, lam, np.zeros(len(problem), dtype=np.bool_))


def _search(
    teacher: Teacher, problem: Problem, pool: Pool, rng: np.random.Generator
) -> tuple[Rows, Floats]:
    """Fly until every instance has converged and settled, or the moves are used up."""
    moved, lam = problem.x.copy(), np.zeros(len(problem), dtype=np.float32)
    flight = _launch(teacher, problem, start(pool, problem, PARTICLES, rng))
    for left in reversed(range(MOVES + 1)):
        _raise_lambda(flight, last=left == 0)
        done = (flight.settled > SETTLE) | (left == 0)
        moved[flight.row[done]] = flight.archive.best(flight.stage)[done]
        lam[flight.row[done]] = flight.lam[done]
        if done.all():
            break
        flight = _only(flight, ~done)
        _move(teacher, flight, rng)
    return moved, lam


@dataclass
class _Flight:
    """Instances under way, n of them with P particles each.

    Attributes
    ----------
    row, stage, settled : int [n]
        Which row of the problem, index into the schedule, moves since convergence.
    distance, gap : float32 [n * P]
        Of the personal bests; their cost at any lambda follows without the teacher.
    """

    problem: Problem
    swarm: Swarm
    archive: Archive
    row: npt.NDArray[np.intp]
    stage: npt.NDArray[np.intp]
    settled: npt.NDArray[np.intp]
    distance: Floats
    gap: Floats

    @property
    def lam(self) -> Floats:
        return np.asarray(self.problem.lambdas, dtype=np.float32)[self.stage]

    def cost(self, distance: Floats, gap: Floats) -> Floats:
        return objective(distance, gap, np.repeat(self.lam, PARTICLES))


def _launch(teacher: Teacher, problem: Problem, position: Rows) -> _Flight:
    particles = position.reshape(-1, problem.x.shape[1])
    flight = _Flight(
        problem=problem,
        swarm=Swarm(position=particles, velocity=np.zeros_like(particles), options=OPTIONS),
        archive=Archive(problem),
        row=np.arange(len(problem)),
        stage=np.full(len(problem), -1, dtype=np.intp),
        settled=np.zeros(len(problem), dtype=np.intp),
        distance=np.empty(0, dtype=np.float32),
        gap=np.empty(0, dtype=np.float32),
    )
    flight.distance, flight.gap = _measure(teacher, flight)
    return flight


def _measure(teacher: Teacher, flight: _Flight) -> tuple[Floats, Floats]:
    """Ask the teacher about every particle: distance and gap, float32 [n * P] each."""
    problem, position = flight.problem, flight.swarm.position
    gap = gaps(teacher.predict_proba(position), np.repeat(problem.target, PARTICLES, axis=0))
    placed = position.reshape(len(problem), PARTICLES, -1)
    distance = distances(placed, problem.x[:, None])
    flight.archive.see(placed, distance, gap.reshape(distance.shape))
    return distance.ravel(), gap


def _raise_lambda(flight: _Flight, *, last: bool) -> None:
    """Take the first lambda that converges; where none does yet, the next one.

    Lambda falls again where a shorter way is found. After the last move the schedule ends.
    """
    top = len(flight.problem.lambdas) - 1
    first, met = flight.archive.first(flight.problem.epsilon)
    following = np.minimum(flight.stage + 1, top)
    flight.stage = np.where(met, first, top if last else following)
    flight.settled = flight.settled + met
    flight.swarm.pbest_cost = flight.cost(flight.distance, flight.gap)


def _only(flight: _Flight, kept: npt.NDArray[np.bool_]) -> _Flight:
    if kept.all():
        return flight
    swarm, particles = flight.swarm, np.repeat(kept, PARTICLES)
    flight.archive.keep(kept)
    return replace(
        flight,
        problem=flight.problem.rows(kept),
        swarm=Swarm(
            position=swarm.position[particles],
            velocity=swarm.velocity[particles],
            options=OPTIONS,
            pbest_pos=swarm.pbest_pos[particles],
            pbest_cost=swarm.pbest_cost[particles],
        ),
        row=flight.row[kept],
        stage=flight.stage[kept],
        settled=flight.settled[kept],
        distance=flight.distance[particles],
        gap=flight.gap[particles],
    )


def _move(teacher: Teacher, flight: _Flight, rng: np.random.Generator) -> None:
    """Move every particle once and update the personal bests."""
    swarm, topology = flight.swarm, Instances(PARTICLES, rng)
    swarm.best_pos, swarm.best_cost = topology.compute_gbest(swarm)
    swarm.velocity = topology.compute_velocity(swarm)
    seeds = np.repeat(flight.problem.x, PARTICLES, axis=0)
    swarm.position = home(topology.compute_position(swarm), seeds, rng)
    distance, gap = _measure(teacher, flight)
    swarm.current_cost = flight.cost(distance, gap)
    better = swarm.current_cost < swarm.pbest_cost
    swarm.pbest_pos, swarm.pbest_cost = compute_pbest(swarm)
    flight.distance = np.where(better, distance, flight.distance)
    flight.gap = np.where(better, gap, flight.gap)
