"""The loops as published, one instance at a time; and a stronger rival of the same kind.

CKD's experiments solve eq. 2 for each row by itself: by pyswarms' `GlobalBestPSO` where
the teacher has no gradients, with pyswarms' own treatment of the bounds, which lets a
particle that leaves at 1 come back in at 0; and by 500 steps of Adam at a rate of 1e-5
where it is a network. Such a step is so small that 500 of them move no column by more
than 0.005, so the same loop at 1e-2, clipped to the box, is measured too.

Both run with one lambda: raising it, as CKD does, would cost another loop for each value.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch

from grandrounds.bench.setting import LAMBDA, SEED
from grandrounds_client.arrays import Floats, Probabilities, Rows
from grandrounds_client.counterfactuals import distances, gaps, objective
from grandrounds_client.counterfactuals.topology import pyswarms_kept_quiet
from grandrounds_client.teacher import Teacher

PARTICLES, ITERATIONS = 100, 1000
OPTIONS = {"c1": 0.5, "c2": 0.3, "w": 0.9}
"""Those of pyswarms' documentation."""
STEPS = 500
RATE, FASTER = 1e-5, 1e-2


def swarm(teacher: Teacher, seed: Rows, wanted: Probabilities) -> Rows:
    """Minimise by pyswarms alone, as published."""
    width = seed.shape[1]

    def cost(position: npt.NDArray[np.float64]) -> Floats:
        rows = position.astype(np.float32)
        gap = gaps(teacher.predict_proba(rows), wanted)
        return objective(distances(rows, seed), gap, LAMBDA)

    with pyswarms_kept_quiet(), _seeded():
        from pyswarms.single import GlobalBestPSO  # noqa: PLC0415 (opens a log when imported)

        flock = GlobalBestPSO(PARTICLES, width, OPTIONS, (np.zeros(width), np.ones(width)))
        _, best = flock.optimize(cost, ITERATIONS, verbose=False)
    found: Rows = np.asarray(best, dtype=np.float32)[None]
    return found


def adam(teacher: Teacher, seed: Rows, wanted: Probabilities) -> Rows:
    """Minimise by Adam alone, as published."""
    return _descend(teacher, seed, wanted, RATE, clip=False)


def clipped_adam(teacher: Teacher, seed: Rows, wanted: Probabilities) -> Rows:
    """Minimise by the same loop, in the box and at a rate that gets somewhere."""
    return _descend(teacher, seed, wanted, FASTER, clip=True)


def _descend(
    teacher: Teacher, seed: Rows, wanted: Probabilities, rate: float, *, clip: bool
) -> Rows:
    network = teacher.differentiable
    if network is None:
        raise TypeError("Adam needs a teacher with gradients")
    origin, goal = torch.tensor(seed), torch.tensor(wanted)
    x = origin.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=rate)
    for _ in range(STEPS):
        optimizer.zero_grad()
        cost = (x - origin).abs().sum() + LAMBDA * torch.square(network(x) - goal).sum()
        cost.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimizer.step()
        if clip:
            with torch.no_grad():
                x.clamp_(0.0, 1.0)
    found: Rows = x.detach().numpy()
    return found


@contextmanager
def _seeded() -> Iterator[None]:
    """Seed numpy's global generator, the only one that pyswarms draws from, for a while."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(SEED)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
