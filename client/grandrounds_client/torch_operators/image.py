"""Convolution, pooling and batch normalization for one to three spatial axes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from grandrounds_client.torch_operators.covered import Inputs, NotCovered, optional, tensor
from grandrounds_client.vetting.attributes import Attributes

_CONV: dict[int, Callable[..., Tensor]] = {
    1: functional.conv1d,
    2: functional.conv2d,
    3: functional.conv3d,
}
_MAX: dict[int, Callable[..., Any]] = {
    1: functional.max_pool1d,
    2: functional.max_pool2d,
    3: functional.max_pool3d,
}
_AVERAGE: dict[int, Callable[..., Tensor]] = {
    1: functional.avg_pool1d,
    2: functional.avg_pool2d,
    3: functional.avg_pool3d,
}


def conv(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Convolution; padding comes first, since the two ends may differ."""
    x, weights = tensor(inputs, 0), tensor(inputs, 1)
    spatial = x.dim() - 2
    return _CONV[spatial](
        _pad(x, attributes, 0.0),
        weights,
        optional(inputs, 2),
        stride=_list(attributes, "strides", spatial),
        dilation=_list(attributes, "dilations", spatial),
        groups=attributes.integer("group", 1),
    )


def max_pool(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Maximum in a sliding window; padding never wins."""
    x = tensor(inputs, 0)
    spatial = x.dim() - 2
    pooled: Tensor = _MAX[spatial](
        _pad(x, attributes, -torch.inf),
        _list(attributes, "kernel_shape", spatial),
        stride=_list(attributes, "strides", spatial),
        dilation=_list(attributes, "dilations", spatial),
    )
    return pooled


def average_pool(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Mean in a sliding window; padding counts only where the attribute says so."""
    x = tensor(inputs, 0)
    spatial = x.dim() - 2
    kernel = _list(attributes, "kernel_shape", spatial)
    strides = _list(attributes, "strides", spatial)
    if set(_list(attributes, "dilations", spatial)) != {1}:
        raise NotCovered
    mean = _AVERAGE[spatial](_pad(x, attributes, 0.0), kernel, stride=strides)
    if attributes.integer("count_include_pad", 0) or not attributes.integers("pads").any():
        return mean
    share = _AVERAGE[spatial](_pad(torch.ones_like(x), attributes, 0.0), kernel, stride=strides)
    return mean / share


def global_average_pool(inputs: Inputs, _: Attributes) -> Tensor:
    """Mean of each channel."""
    x = tensor(inputs, 0)
    return x.mean(dim=list(range(2, x.dim())), keepdim=True)


def global_max_pool(inputs: Inputs, _: Attributes) -> Tensor:
    """Maximum of each channel."""
    x = tensor(inputs, 0)
    return x.amax(dim=list(range(2, x.dim())), keepdim=True)


def batch_normalization(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Scale each channel by stored numbers."""
    x, scale, shift, mean, variance = (tensor(inputs, index) for index in range(5))
    epsilon = attributes.number("epsilon", 1e-5)
    return functional.batch_norm(x, mean, variance, scale, shift, training=False, eps=epsilon)


def _list(attributes: Attributes, name: str, spatial: int) -> list[int]:
    return [int(number) for number in attributes.integers(name)] or [1] * spatial


def _pad(x: Tensor, attributes: Attributes, value: float) -> Tensor:
    """Pad the spatial axes; torch lists them from the last to the first."""
    # windows that hang over the end are counted differently here and there
    if attributes.text("auto_pad", "NOTSET") not in {"NOTSET", "VALID"} or attributes.integer(
        "ceil_mode", 0
    ):
        raise NotCovered
    pads = attributes.integers("pads").tolist()
    if not any(pads):
        return x
    pairs = list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
    return functional.pad(x, [end for pair in reversed(pairs) for end in pair], value=value)
