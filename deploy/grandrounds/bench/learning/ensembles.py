"""Rivals that need no retraining: the models that every site holds anyway, asked together."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from grandrounds.bench.learning.world import World
from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.ensemble import mean_probability
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.names import SiteName

Predict = Callable[[Rows], Probabilities]
"""float32 [N, D] -> float32 [N, C]."""


def ensemble(world: World, _rng: np.random.Generator) -> Mapping[SiteName, Predict]:
    """Mean probability of the own model and all peers'."""
    return {name: _together(world, (name, *world.peers(name))) for name in world.students}


def peers_only(world: World, _rng: np.random.Generator) -> Mapping[SiteName, Predict]:
    """Mean probability of all peers' models, without the own one."""
    return {name: _together(world, world.peers(name)) for name in world.students}


def _together(world: World, names: Sequence[SiteName]) -> Predict:
    models: list[Teacher] = [world.members[name].model for name in names]
    return lambda x: mean_probability([model.predict_proba(x) for model in models])
