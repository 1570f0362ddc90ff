"""A small convolutional network, for sites whose columns are the pixels of an image."""

from collections.abc import Iterator
from itertools import pairwise
from math import prod
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from grandrounds_client.arrays import Floats, Labels, Rows
from grandrounds_client.learners.base import Fitted
from grandrounds_client.learners.fitted_cnn import KERNEL, SLOPE, FittedCNN, Shape, signal
from grandrounds_client.learners.placed import placed
from grandrounds_client.learners.training import Training, prepare
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.seeding import integer
from grandrounds_protocol.settings import Settings

Size = Annotated[int, Field(ge=1, le=512)]


class ConvolutionalNetwork(Settings):
    """3 x 3 convolutions with LeakyReLU and pooling, then one dense layer, by AdamW."""

    algorithm: ClassVar[str] = "convolutional network"

    shape: tuple[Size, Size, Size] | None = None
    """Height, width, channels of the image that the columns spell out row by row, the
    channels of a pixel side by side. None: those of the federation's image feature."""
    channels: tuple[Size, ...] = Field(default=(16, 32), min_length=1, max_length=6)
    """Channels of each convolution; a list of lists lets validation rows choose."""
    epochs: int = Field(default=10, ge=1, le=10_000)
    """How often each row is seen."""
    batch: int = Field(default=32, ge=1)
    """Rows per step."""
    lr: float = Field(default=3e-3, gt=0, le=1)
    """Learning rate at the start; it falls to 0 along a cosine."""
    weight_decay: float = Field(default=0.05, ge=0, le=10)
    """Share of each weight given up per step, times the learning rate."""
    balanced: bool = True
    """Give every class the same total weight."""

    def fit(self, x: Rows, y: Labels, *, classes: int, weight: Floats | None, seed: int) -> Fitted:
        """Fit the rows, see `Learner.fit`; the seed draws the weights and the order of rows.

        Raises
        ------
        BadInput
            Also if `shape` is not known, or is not that of the d columns.
        """
        rows = prepare(x, y, classes=classes, weight=weight, balanced=self.balanced)
        shape = self._shape(rows.x.shape[1])
        rng = torch.Generator().manual_seed(integer(seed, "cnn"))
        parameters = list(_drawn(shape, self.channels, len(rows.present), rng))
        self._train(parameters, shape, rows, rng)
        arrays = [parameter.detach().numpy().copy() for parameter in parameters]
        return placed(FittedCNN(shape, tuple(arrays[::2]), tuple(arrays[1::2])), rows)

    def _shape(self, columns: int) -> Shape:
        if self.shape is None or prod(self.shape) != columns:
            known = "no image shape is known"
            problem = known if self.shape is None else f"shape {list(self.shape)} does not fit"
            raise BadInput(
                f"{problem} for {columns} columns",
                where="learner cnn, field shape",
                remedy="give shape = [height, width, channels], whose product is the number of"
                " columns, or choose another learner",
            )
        return self.shape

    def _train(
        self, parameters: list[Tensor], shape: Shape, rows: Training, rng: torch.Generator
    ) -> None:
        optimizer = torch.optim.AdamW(
            parameters, lr=self.lr, weight_decay=self.weight_decay, foreach=False
        )
        steps = self.epochs * -(-len(rows.x) // self.batch)
        slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        x, y = torch.from_numpy(rows.x), torch.from_numpy(rows.y).long()
        weight = torch.from_numpy(rows.weight / rows.weight.mean()).float()
        for _ in range(self.epochs):
            for some in torch.split(torch.randperm(len(x), generator=rng), self.batch):
                scores = signal(x[some], shape, parameters[::2], parameters[1::2])
                loss = nn.functional.cross_entropy(scores, y[some], reduction="none")
                optimizer.zero_grad()
                (loss * weight[some]).mean().backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                slower.step()


def _drawn(
    shape: Shape, channels: tuple[int, ...], classes: int, rng: torch.Generator
) -> Iterator[Tensor]:
    """Yield weight and bias of each layer; He's initial weights, drawn from `rng` alone."""
    height, width, first = shape
    layers = [(out, into, KERNEL, KERNEL) for into, out in pairwise((first, *channels))]
    for _ in channels:
        height, width = max(1, height // 2), max(1, width // 2)
    for size in (*layers, (classes, channels[-1] * height * width)):
        weight = torch.empty(size)
        nn.init.kaiming_uniform_(weight, a=SLOPE, nonlinearity="leaky_relu", generator=rng)
        yield weight.requires_grad_()
        yield torch.zeros(size[0], requires_grad=True)
