"""Federated averaging, where all sites train the same net: FedAvg and FedProx by Flower.

One net over the federation's columns, 0 where a site lacks the feature. Flower's strategies
add up what the sites send; nets train right here, without its transport.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.client_proxy import ClientProxy
from flwr.server.strategy import FedAvg, FedProx
from torch import nn

from grandrounds.bench.learning.ensembles import Predict
from grandrounds.bench.learning.world import Member, World
from grandrounds_client.learners.mlp import SLOPE, FittedPerceptron, MultilayerPerceptron
from grandrounds_client.learners.training import prepare
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.seeding import integer

ROUNDS, SHARE = 30, 0.1
"""Averagings, and which part of the learner's epochs a site sees its rows in each.

Three times what a site alone takes, for averaging slows the net down.
"""
MU = 0.1
"""FedProx's pull back to the average: the middle of .001 to 1, among which its authors choose."""

Arrays = list[npt.NDArray[np.float32]]


def fedavg(world: World, _rng: np.random.Generator) -> Mapping[SiteName, Predict] | None:
    """Federated averaging (McMahan et al. 2017); None where sites do not share one net."""
    return _averaged(world, FedAvg(fit_metrics_aggregation_fn=_no_metrics), 0.0)


def fedprox(world: World, _rng: np.random.Generator) -> Mapping[SiteName, Predict] | None:
    """FedAvg with a proximal term at each site (Li et al. 2020)."""
    strategy = FedProx(fit_metrics_aggregation_fn=_no_metrics, proximal_mu=MU)
    return _averaged(world, strategy, strategy.proximal_mu)


def _no_metrics(_: object) -> dict[str, bool | bytes | float | int | str]:
    return {}


def _averaged(world: World, strategy: FedAvg, mu: float) -> Mapping[SiteName, Predict] | None:
    learners = {one.learner for one in world.members.values()}
    learner = learners.pop()
    if learners or not isinstance(learner, MultilayerPerceptron):
        return None
    net = _net((world.width, *learner.hidden, world.classes), world.rules.seed)
    for number in range(1, ROUNDS + 1):
        results = [_trained(net, one, learner, mu, world, number) for one in world.members.values()]
        parameters, _ = strategy.aggregate_fit(number, results, [])
        if parameters is None:
            raise RuntimeError("Flower averaged nothing")
        _load(net, parameters_to_ndarrays(parameters))
    arrays = _arrays(net)
    fitted = FittedPerceptron(tuple(array.T for array in arrays[::2]), tuple(arrays[1::2]))
    return dict.fromkeys(world.students, fitted.predict_proba)


def _net(sizes: Sequence[int], seed: int) -> nn.Sequential:
    rng = torch.Generator().manual_seed(integer(seed, "federated"))
    steps: list[nn.Module] = []
    for into, out in pairwise(sizes):
        layer: nn.Linear = nn.utils.skip_init(nn.Linear, into, out)  # type: ignore[no-untyped-call]
        nn.init.kaiming_uniform_(layer.weight, a=SLOPE, nonlinearity="leaky_relu", generator=rng)
        nn.init.zeros_(layer.bias)
        steps += [layer, nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*steps[:-1])


def _trained(
    average: nn.Sequential,
    one: Member,
    learner: MultilayerPerceptron,
    mu: float,
    world: World,
    number: int,
) -> tuple[ClientProxy, FitRes]:
    """What a site sends after its epochs of this round, with how many rows it has."""
    rows = prepare(
        one.train.x, one.train.y, classes=world.classes, weight=None, balanced=learner.balanced
    )
    rng = torch.Generator().manual_seed(integer(world.rules.seed, one.site.name, number, "epochs"))
    net = deepcopy(average)
    there = [parameter.detach().clone() for parameter in average.parameters()]
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=learner.lr, weight_decay=learner.weight_decay, foreach=False
    )
    x = torch.from_numpy(rows.x)
    y = torch.from_numpy(rows.present[rows.y])
    weight = torch.from_numpy(rows.weight / rows.weight.mean()).float()
    for _ in range(max(1, round(SHARE * learner.epochs))):
        for some in torch.split(torch.randperm(len(x), generator=rng), learner.batch):
            loss = nn.functional.cross_entropy(net(x[some]), y[some], reduction="none")
            away = sum(
                ((here - other) ** 2).sum()
                for here, other in zip(net.parameters(), there, strict=True)
            )
            optimizer.zero_grad()
            ((loss * weight[some]).mean() + mu / 2 * away).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    sent = ndarrays_to_parameters(_arrays(net))
    said = FitRes(Status(Code.OK, ""), sent, num_examples=len(rows.y), metrics={})
    # Flower's strategies never ask who sent it
    return cast("ClientProxy", one.site.name), said


def _load(net: nn.Sequential, arrays: Arrays) -> None:
    with torch.no_grad():
        for parameter, array in zip(net.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))


def _arrays(net: nn.Sequential) -> Arrays:
    return [parameter.detach().numpy().copy() for parameter in net.parameters()]
