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
    """Convolution; padding comes first only where the two ends differ."""
    x, weights = tensor(inputs, 0), tensor(inputs, 1)
    spatial = x.dim() - 2
    x, padding = _even_padding(x, attributes)
    window: dict[str, Any] = {
        "stride": _list(attributes, "strides", spatial),
        "padding": padding,
        "dilation": _list(attributes, "dilations", spatial),
    }
    groups = attributes.integer("group", 1)
    # what is to be folded is then no larger than the convolution's own output
    if spatial == 2 and groups == 1 and weights[0].numel() <= len(weights):
        found: Tensor = FewChannels.apply(x, weights, optional(inputs, 2), window)  # type: ignore[no-untyped-call]  # torch has no types here
        return found
    return _CONV[spatial](x, weights, optional(inputs, 2), groups=groups, **window)


class FewChannels(torch.autograd.Function):
    """A convolution of few channels, with a product and a fold as the gradient of its input.

    The libraries' backward pass computes as many channels at a time as fit a register,
    and wastes most of them on a grey image. Weights have no gradient here.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weights: Tensor, bias: Tensor | None, window: dict[str, Any]
    ) -> Tensor:
        """Convolve as torch does."""
        ctx.save_for_backward(weights)
        ctx.size, ctx.window = x.shape[2:], window
        return functional.conv2d(x, weights, bias, **window)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None, None]:
        """Fold what each window owes to its pixels."""
        (weights,) = ctx.saved_tensors
        # by pixel in memory, as the pools in between leave it
        of_pixels = slopes[0].permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)
        owed = torch.matmul(weights.flatten(1).T, of_pixels)
        x = functional.fold(owed, ctx.size, weights.shape[2:], **ctx.window)
        return x, None, None, None


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
    pads = _pads(attributes)
    if not any(pads):
        return x
    pairs = list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
    return functional.pad(x, [end for pair in reversed(pairs) for end in pair], value=value)


def _even_padding(x: Tensor, attributes: Attributes) -> tuple[Tensor, list[int]]:
    """Zeros that a convolution can add itself; where the ends differ, add them now."""
    pads = _pads(attributes)
    first, last = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    if pads and first == last:
        return x, first
    return _pad(x, attributes, 0.0), [0] * (x.dim() - 2)


def _pads(attributes: Attributes) -> list[int]:
    # windows that hang over the end are counted differently here and there
    if attributes.text("auto_pad", "NOTSET") not in {"NOTSET", "VALID"} or attributes.integer(
        "ceil_mode", 0
    ):
        raise NotCovered
    return [int(number) for number in attributes.integers("pads")]
