"""pyswarms, with its logging kept still, and the topology of many swarms in one.

pyswarms 1.3.0 builds a `Reporter` at import and for every topology and handler. Unless
the variable LOG_CFG names a logging configuration, each of them opens `report.log` in
the working directory and hangs two handlers on the root logger. So LOG_CFG names an
empty configuration while pyswarms is imported, and only then; and nothing here builds a
`Reporter` later: the topology does not call its base's constructor, which does little
else, and positions are clipped by a plain function in place of a `BoundaryHandler`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from grandrounds_client.arrays import Floats, Rows


@contextmanager
def pyswarms_kept_quiet() -> Iterator[None]:
    """Name an empty logging configuration: every part of pyswarms would open `report.log`."""
    before = os.environ.get("LOG_CFG")
    os.environ["LOG_CFG"] = str(Path(__file__).with_name("pyswarms_logging.yaml"))
    try:
        yield
    finally:
        del os.environ["LOG_CFG"]
        if before is not None:
            os.environ["LOG_CFG"] = before


with pyswarms_kept_quiet():
    from pyswarms.backend.operators import compute_pbest, compute_position
    from pyswarms.backend.swarms import Swarm
    from pyswarms.backend.topology import Topology

__all__ = ["Instances", "Swarm", "clip", "compute_pbest", "pyswarms_kept_quiet"]


class Instances(Topology):  # type: ignore[misc]  # pyswarms is untyped
    """Stars side by side: particles of one instance share a best, instances share nothing.

    Particles stand in order, `particles` to an instance.

    Parameters
    ----------
    particles : int
        P, per instance.
    rng : numpy.random.Generator
        Draws the velocities; pyswarms' own `compute_velocity` takes numpy's global one.
    """

    def __init__(self, particles: int, rng: np.random.Generator) -> None:  # see the module
        self.static = True
        self.neighbor_idx = None
        self._particles = particles
        self._rng = rng

    def compute_gbest(self, swarm: Swarm, **_options: object) -> tuple[Rows, Floats]:
        """Return each particle's instance best: float32 [particles, D] and its cost."""
        costs = swarm.pbest_cost.reshape(-1, self._particles)
        leader = costs.argmin(axis=1) + np.arange(len(costs)) * self._particles
        shared = np.repeat(leader, self._particles)
        return swarm.pbest_pos[shared], swarm.pbest_cost[shared]

    def compute_velocity(self, swarm: Swarm, **_options: object) -> Rows:
        """Return w v + c1 r1 (own best - position) + c2 r2 (instance best - position)."""
        shape, options = swarm.position.shape, swarm.options
        own, shared = self._rng.random((2, *shape), dtype=np.float32)
        velocity: Rows = np.float32(options["w"]) * swarm.velocity
        velocity += np.float32(options["c1"]) * own * (swarm.pbest_pos - swarm.position)
        velocity += np.float32(options["c2"]) * shared * (swarm.best_pos - swarm.position)
        return velocity

    def compute_position(self, swarm: Swarm, **_options: object) -> Rows:
        """Return the next positions; particles stop at the walls of the box."""
        position: Rows = compute_position(swarm, (0.0, 1.0), clip)
        return position


def clip(position: Rows, bounds: tuple[float, float]) -> Rows:
    """Stop at the bounds: pyswarms' default wraps around, from one extreme to the other."""
    clipped: Rows = np.clip(position, *bounds)
    return clipped
