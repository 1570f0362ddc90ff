"""A small neural network."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
import onnx
import torch
from onnx import helper
from pydantic import Field
from scipy.special import softmax
from torch import nn

from grandrounds_client.arrays import Floats, Labels, Probabilities, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.network import network
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.training import Training, prepare
from grandrounds_protocol.seeding import integer
from grandrounds_protocol.settings import Settings

SLOPE = 0.01
"""Of LeakyReLU below 0: a unit that is off still has a gradient."""


class MultilayerPerceptron(Settings):
    """Fully connected layers with LeakyReLU between, trained by AdamW on the cross-entropy."""

    algorithm: ClassVar[str] = "multilayer perceptron"

    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(default=(32,), max_length=8)
    """Units of each hidden layer; a list of lists lets validation rows choose."""
    epochs: int = Field(default=30, ge=1, le=10_000)
    """How often each row is seen."""
    batch: int = Field(default=32, ge=1)
    """Rows per step."""
    lr: float = Field(default=3e-3, gt=0, le=1)
    """Learning rate."""
    weight_decay: float = Field(default=0.5, ge=0, le=10)
    """Share of each weight given up per step, times the learning rate."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; the seed draws the weights and the order of rows.

        Every draw comes from a generator of this call's own, so that other threads may
        use, or reset, the global one meanwhile.
        """
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        rng = torch.Generator().manual_seed(integer(seed, "mlp"))
        sizes = (rows.x.shape[1], *self.hidden, len(rows.present))
        layers = [_layer(into, out, rng) for into, out in pairwise(sizes)]
        self._train(layers, rows, rng)
        return placed(
            FittedPerceptron(
                tuple(layer.weight.detach().numpy().T.copy() for layer in layers),
                tuple(layer.bias.detach().numpy().copy() for layer in layers),
            ),
            rows,
        )

    def _train(self, layers: list[nn.Linear], rows: Training, rng: torch.Generator) -> None:
        between = [step for layer in layers for step in (layer, nn.LeakyReLU(SLOPE))]
        net = nn.Sequential(*between[:-1])
        optimizer = torch.optim.AdamW(
            net.parameters(), lr=self.lr, weight_decay=self.weight_decay, foreach=False
        )
        x, y = torch.from_numpy(rows.x), torch.from_numpy(rows.y).long()
        weight = torch.from_numpy(rows.weight / rows.weight.mean()).float()
        for _ in range(self.epochs):
            for some in torch.split(torch.randperm(len(x), generator=rng), self.batch):
                loss = nn.functional.cross_entropy(net(x[some]), y[some], reduction="none")
                optimizer.zero_grad()
                (loss * weight[some]).mean().backward()  # type: ignore[no-untyped-call]
                optimizer.step()


def _layer(into: int, out: int, rng: torch.Generator) -> nn.Linear:
    """Return a layer with He's initial weights, drawn from `rng` and from nothing else."""
    layer: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, into, out
    )
    nn.init.kaiming_uniform_(layer.weight, a=SLOPE, nonlinearity="leaky_relu", generator=rng)
    nn.init.zeros_(layer.bias)
    return layer


@dataclass(frozen=True)
class FittedPerceptron:
    """What is left after training: no torch is needed to predict.

    Attributes
    ----------
    weights : float32 [into, out] of each layer
    biases : float32 [out] of each layer
    """

    weights: tuple[Rows, ...]
    biases: tuple[Floats, ...]

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, k] for float32 [N, d]."""
        signal = x @ self.weights[0] + self.biases[0]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            signal = np.where(signal < 0, np.float32(SLOPE) * signal, signal) @ weight + bias
        return np.asarray(softmax(signal, axis=1), dtype=np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        """Return Gemm and LeakyRelu in turn, then Softmax.

        Written by hand: torch's exporter keeps global state while it traces.
        """
        nodes: list[onnx.NodeProto] = []
        constants: dict[str, Rows] = {}
        signal = "X"
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if index:
                nodes.append(helper.make_node("LeakyRelu", [signal], [f"on{index}"], alpha=SLOPE))
                signal = f"on{index}"
            constants |= {f"weight{index}": weight, f"bias{index}": bias}
            terms = [signal, f"weight{index}", f"bias{index}"]
            signal = f"sum{index}"
            nodes.append(helper.make_node("Gemm", terms, [signal]))
        nodes.append(helper.make_node("Softmax", [signal], ["probabilities"], axis=1))
        columns, classes = len(self.weights[0]), len(self.biases[-1])
        return network(nodes, constants, columns=columns, classes=classes)
