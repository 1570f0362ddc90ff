"""Select, join and rearrange."""

import torch
from torch import Tensor

from grandrounds_client.torch_operators.covered import (
    Inputs,
    NotCovered,
    axes,
    integers,
    optional,
    tensor,
)
from grandrounds_client.vetting.attributes import Attributes


def reshape(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Reshape by a stored target in which 0 copies a dim."""
    x = tensor(inputs, 0)
    if attributes.integer("allowzero", 0):
        raise NotCovered
    target = integers(inputs, 1)
    return x.reshape([x.shape[at] if dim == 0 else dim for at, dim in enumerate(target)])


def flatten(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Flatten to [N, everything else]."""
    if attributes.integer("axis", 1) != 1:
        raise NotCovered
    return tensor(inputs, 0).flatten(start_dim=1)


def concat(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Join along attribute axis."""
    parts = [tensor(inputs, index) for index in range(len(inputs))]
    return torch.cat(parts, dim=attributes.integer("axis", 1))


def gather(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Select along attribute axis, by indices of any shape."""
    x, indices = tensor(inputs, 0), tensor(inputs, 1)
    axis = attributes.integer("axis", 0) % x.dim()
    picked = x.index_select(axis, indices.reshape(-1))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def select_columns(inputs: Inputs, _: Attributes) -> Tensor:
    """Select along the last axis."""
    return tensor(inputs, 0).index_select(-1, tensor(inputs, 1).reshape(-1))


def cut(inputs: Inputs, _: Attributes) -> Tensor:
    """Slice by stored bounds, which torch does not do backwards: select instead."""
    x = tensor(inputs, 0)
    starts, ends = integers(inputs, 1), integers(inputs, 2)
    along = integers(inputs, 3) if optional(inputs, 3) is not None else range(len(starts))
    steps = integers(inputs, 4) if optional(inputs, 4) is not None else [1] * len(starts)
    for axis, start, end, step in zip(along, starts, ends, steps, strict=True):
        positions = range(*slice(start, end, step).indices(x.shape[axis]))
        x = x.index_select(axis, torch.tensor(list(positions), device=x.device))
    return x


def squeeze(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Drop axes of length 1."""
    return tensor(inputs, 0).squeeze(tuple(axes(inputs, attributes)))


def unsqueeze(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Insert axes of length 1."""
    x, new = tensor(inputs, 0), axes(inputs, attributes)
    rank = x.dim() + len(new)
    for axis in sorted(axis % rank for axis in new):
        x = x.unsqueeze(axis)
    return x


def transpose(inputs: Inputs, attributes: Attributes) -> Tensor:
    """Permute axes."""
    x = tensor(inputs, 0)
    order = attributes.integers("perm").tolist() or list(range(x.dim()))[::-1]
    return x.permute(order)
