"""Products, reductions and linear classifiers."""

from collections.abc import Callable

import torch
from torch import Tensor

from grandrounds_client.torch_operators.covered import (
    Function,
    Inputs,
    NotCovered,
    axes,
    optional,
    tensor,
)
from grandrounds_client.vetting.attributes import Attributes

Reduce = Callable[[Tensor, list[int], bool], Tensor]


def gemm(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Matrix product plus a summand, each scaled and transposed by attributes."""
    a, b, c = tensor(inputs, 0), tensor(inputs, 1), optional(inputs, 2)
    a = a.T if attributes.integer("transA", 0) else a
    b = b.T if attributes.integer("transB", 0) else b
    alpha, beta = attributes.number("alpha", 1.0), attributes.number("beta", 1.0)
    if c is None:
        return alpha * (a @ b)
    return torch.addmm(c, a, b, alpha=alpha, beta=beta)


def reduction(function: Reduce) -> Function:
    """Turn a torch function of (tensor, axes, keepdims) into an operator."""

    def apply(inputs: Inputs, attributes: Attributes) -> Tensor:
        keep = attributes.integer("keepdims", 1) != 0
        return function(tensor(inputs, 0), axes(inputs, attributes), keep)

    return apply


def sum_abs(x: Tensor, along: list[int], keep: bool) -> Tensor:
    """ReduceL1."""
    return x.abs().sum(along, keepdim=keep)


def sum_square(x: Tensor, along: list[int], keep: bool) -> Tensor:
    """ReduceSumSquare."""
    return x.square().sum(along, keepdim=keep)


def norm(x: Tensor, along: list[int], keep: bool) -> Tensor:
    """ReduceL2."""
    length: Tensor = torch.linalg.vector_norm(x, dim=along, keepdim=keep)
    return length


def log_sum(x: Tensor, along: list[int], keep: bool) -> Tensor:
    """ReduceLogSum."""
    return x.sum(along, keepdim=keep).log()


def linear_classifier(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Return the scores of a LinearClassifier, without its labels.

    With two classes skl2onnx stores the two mirrored rows, and LOGISTIC acts on each
    score by itself.
    """
    x = tensor(inputs, 0)
    intercepts = torch.as_tensor(attributes.numbers("intercepts")).to(x)
    weights = torch.as_tensor(attributes.numbers("coefficients")).to(x)
    scores = x @ weights.reshape(len(intercepts), -1).T + intercepts
    return _post_transform(scores, attributes.text("post_transform", "NONE"))


def _post_transform(scores: Tensor, name: str) -> Tensor:
    if name == "NONE":
        return scores
    if name == "LOGISTIC":
        return scores.sigmoid()
    if name == "SOFTMAX":
        return scores.softmax(dim=1)
    raise NotCovered


def scaler(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Shift each column, then scale it."""
    x = tensor(inputs, 0)
    offset = torch.as_tensor(attributes.numbers("offset")).to(x)
    return (x - offset) * torch.as_tensor(attributes.numbers("scale")).to(x)


def normalizer(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Scale each row to norm 1."""
    x = tensor(inputs, 0)
    name = attributes.text("norm", "MAX")
    if name == "MAX":
        size = x.amax(dim=1, keepdim=True)
    elif name == "L1":
        size = x.abs().sum(dim=1, keepdim=True)
    else:
        size = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return torch.where(size == 0, x, x / torch.where(size == 0, torch.ones_like(size), size))
