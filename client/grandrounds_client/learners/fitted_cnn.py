"""What a trained convolutional network computes, in torch and as ONNX."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor
from torch.nn import functional

from grandrounds_client.arrays import Floats, Probabilities, Rows
from grandrounds_client.learners.network import network

Shape = tuple[int, int, int]
"""Height, width, channels."""

KERNEL = 3
"""Side of each convolution's window; an edge of zeros keeps the image's size."""
SLOPE = 0.01
"""Of LeakyReLU below 0: a unit that is off still has a gradient."""
_CHUNK = 512
"""Images at a time: what lies between the layers is far larger than the rows."""


def signal(x: Tensor, shape: Shape, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Return the scores before softmax, [N, k], for rows [N, height * width * channels].

    The last layer is dense; each one before it is a convolution that pooling follows
    along the axes that are still 2 long or longer.
    """
    image = x.reshape(-1, *shape).permute(0, 3, 1, 2)
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        image = functional.conv2d(image, weight, bias, padding=KERNEL // 2)
        # pooling first is the same, since LeakyReLU keeps the order, and a quarter the work
        image = functional.leaky_relu(functional.max_pool2d(image, _window(image)), SLOPE)
    return functional.linear(image.flatten(1), weights[-1], biases[-1])


def _window(image: Tensor) -> tuple[int, int]:
    return min(2, image.shape[2]), min(2, image.shape[3])


@dataclass(frozen=True)
class FittedCNN:
    """A network of k classes.

    Attributes
    ----------
    shape : height, width, channels
    weights : float32 [out, into, 3, 3] of each convolution, and [k, features] of the last layer
    biases : float32 [out] of each layer
    """

    shape: Shape
    weights: tuple[Rows, ...]
    biases: tuple[Floats, ...]

    def predict_proba(self, x: Rows) -> Probabilities:
        """Return float32 [N, k] for float32 [N, height * width * channels]."""
        weights, biases = (
            [torch.from_numpy(array) for array in arrays] for arrays in (self.weights, self.biases)
        )
        with torch.no_grad():
            parts = [
                signal(part, self.shape, weights, biases).softmax(dim=1)
                for part in torch.split(torch.from_numpy(np.ascontiguousarray(x)), _CHUNK)
            ]
        found: Probabilities = torch.cat(parts).numpy()
        return found

    def to_onnx(self) -> onnx.ModelProto:
        """Return Conv, MaxPool and LeakyRelu in turn, then Gemm and Softmax.

        Written by hand: torch's exporter keeps global state while it traces.
        """
        height, width, channels = self.shape
        nodes = [
            helper.make_node("Reshape", ["X", "shape"], ["pixels"]),
            helper.make_node("Transpose", ["pixels"], ["image0"], perm=[0, 3, 1, 2]),
        ]
        constants = {"shape": np.array([-1, height, width, channels])}
        last = len(self.weights) - 1
        for index in range(last):
            window = [min(2, height), min(2, width)]
            nodes += _convolution(index, window)
            height, width = height // window[0], width // window[1]
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            constants |= {f"weight{index}": weight, f"bias{index}": bias}
        terms = ["features", f"weight{last}", f"bias{last}"]
        nodes += [
            helper.make_node("Flatten", [f"image{last}"], ["features"], axis=1),
            helper.make_node("Gemm", terms, ["scores"], transB=1),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        ]
        classes = len(self.biases[-1])
        return network(nodes, constants, columns=int(np.prod(self.shape)), classes=classes)


def _convolution(index: int, window: list[int]) -> list[onnx.NodeProto]:
    terms = [f"image{index}", f"weight{index}", f"bias{index}"]
    edge = [KERNEL // 2] * 4
    size: dict[str, Any] = {"kernel_shape": window, "strides": window}
    return [
        helper.make_node("Conv", terms, [f"sum{index}"], kernel_shape=[KERNEL] * 2, pads=edge),
        helper.make_node("MaxPool", [f"sum{index}"], [f"pooled{index}"], **size),
        helper.make_node("LeakyRelu", [f"pooled{index}"], [f"image{index + 1}"], alpha=SLOPE),
    ]
