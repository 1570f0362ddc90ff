"""Number by number, and along one axis."""

from collections.abc import Callable
from functools import reduce

import torch
from onnx import TensorProto
from torch import Tensor
from torch.nn import functional

from grandrounds_client.torch_operators.covered import (
    Function,
    Inputs,
    NotCovered,
    optional,
    tensor,
)
from grandrounds_client.vetting.attributes import Attributes

_SELU_ALPHA, _SELU_GAMMA = 1.6732632423543772, 1.0507009873554805


def unary(function: Callable[[Tensor], Tensor]) -> Function:
    """Turn a torch function of one tensor into an operator."""
    return lambda inputs, _: function(tensor(inputs, 0))


def fold(function: Callable[[Tensor, Tensor], Tensor]) -> Function:
    """Turn a torch function of two tensors into an operator of one or more."""

    def apply(inputs: Inputs, _: Attributes) -> Tensor:
        return reduce(function, [tensor(inputs, index) for index in range(len(inputs))])

    return apply


def mean(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Mean of several tensors."""
    return fold(torch.add)(inputs, attributes) / len(inputs)


def leaky_relu(inputs: Inputs, attributes: Attributes) -> Tensor:
    """LeakyRelu with attribute alpha."""
    return functional.leaky_relu(tensor(inputs, 0), attributes.number("alpha", 0.01))


def elu(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Elu with attribute alpha."""
    return functional.elu(tensor(inputs, 0), attributes.number("alpha", 1.0))


def celu(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Celu with attribute alpha."""
    return functional.celu(tensor(inputs, 0), attributes.number("alpha", 1.0))


def selu(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Selu with attributes alpha and gamma."""
    alpha = attributes.number("alpha", _SELU_ALPHA)
    return attributes.number("gamma", _SELU_GAMMA) * functional.elu(tensor(inputs, 0), alpha)


def hard_sigmoid(inputs: Inputs, attributes: Attributes) -> Tensor:
    """HardSigmoid with attributes alpha and beta."""
    x = attributes.number("alpha", 0.2) * tensor(inputs, 0) + attributes.number("beta", 0.5)
    return x.clamp(0, 1)


def gelu(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Gelu, exact or by tanh."""
    return functional.gelu(tensor(inputs, 0), approximate=attributes.text("approximate", "none"))


def prelu(inputs: Inputs, _: Attributes) -> Tensor:
    """PRelu: a slope per number for the negative side."""
    x = tensor(inputs, 0)
    return torch.where(x < 0, x * tensor(inputs, 1), x)


def clip(inputs: Inputs, _: Attributes) -> Tensor:
    """Clip between two optional stored numbers."""
    x, low, high = tensor(inputs, 0), optional(inputs, 1), optional(inputs, 2)
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


def cast(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Cast between floats; whole numbers have no gradient."""
    to = attributes.integer("to", 0)
    types = {int(TensorProto.FLOAT): torch.float32, int(TensorProto.DOUBLE): torch.float64}
    if to not in types or not tensor(inputs, 0).is_floating_point():
        raise NotCovered
    return tensor(inputs, 0).to(types[to])


def softmax(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Softmax along attribute axis."""
    return torch.softmax(tensor(inputs, 0), dim=attributes.integer("axis", -1))


def log_softmax(inputs: Inputs, attributes: Attributes) -> Tensor:
    """LogSoftmax along attribute axis."""
    return torch.log_softmax(tensor(inputs, 0), dim=attributes.integer("axis", -1))
