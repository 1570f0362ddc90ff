"""Rules of operators that select, join and rearrange. All targets are stored constants."""

from math import prod

import numpy as np
from onnx import helper

from grandrounds_client.vetting.tensors import read_tensor
from grandrounds_client.vetting.values import Call, Shape, Value

_RANK = 8


def constant(call: Call) -> Value:
    """Return a tensor stored in the node itself."""
    if "value" not in call.attributes:
        raise call.bad("a constant that is not a tensor")
    where = f"{call.where}, attribute 'value'"
    array = read_tensor(call.attributes.tensor("value"), where, call.limits)
    return Value(array.shape, helper.np_dtype_to_tensor_dtype(array.dtype), array)


def reshape(call: Call) -> Value:
    """Reshape by a stored target; rows stay rows, because row-major order keeps them whole."""
    x = call.need(0)
    target = call.constant(1)
    # bounded before use, so that no target can name ROWS
    if target.ndim != 1 or len(target) > _RANK or (target > call.limits.elements).any():
        raise call.bad("a reshape target that is not a short list of small numbers")
    shape = _resolve(call, x.shape, target.tolist())
    return Value(shape, x.dtype)


def _resolve(call: Call, old: Shape, target: list[int]) -> Shape:
    keep_zero = call.attributes.integer("allowzero", 0) != 0
    if target.count(-1) > 1 or min(target, default=1) < -1 or (keep_zero and 0 in target):
        raise call.bad("a reshape target with a dim that is not known")
    if any(dim == 0 and at >= len(old) for at, dim in enumerate(target)):
        raise call.bad("a reshape target copies a dim that the input lacks")
    shape = [old[at] if dim == 0 else dim for at, dim in enumerate(target)]
    rest = prod(dim for dim in shape if dim != -1)
    shape = [prod(old) // rest if dim == -1 else dim for dim in shape]
    if prod(shape) != prod(old):
        raise call.bad("a reshape that does not keep the number of elements")
    return tuple(shape)


def flatten(call: Call) -> Value:
    """Flatten to two dims, [N, everything else]."""
    x = call.need(0)
    axis = call.attributes.integer("axis", 1)
    if not 0 <= axis <= len(x.shape):
        raise call.bad(f"axis {axis} of a tensor with {len(x.shape)} dims")
    return Value((prod(x.shape[:axis]), prod(x.shape[axis:])), x.dtype)


def concat(call: Call) -> Value:
    """Join along an axis that is not the rows'."""
    values = [call.need(index) for index in range(len(call.inputs))]
    if not values:
        raise call.bad("nothing to join")
    axis = call.axis(values[0], call.attributes.integer("axis", 1))
    shape = list(values[0].shape)
    for value in values[1:]:
        if value.dtype != values[0].dtype or len(value.shape) != len(shape):
            raise call.bad("inputs of different types or ranks")
        if any(
            a != b for at, (a, b) in enumerate(zip(shape, value.shape, strict=True)) if at != axis
        ):
            raise call.bad("inputs that differ in another dim than the joined one")
    shape[axis] = sum(value.shape[axis] for value in values)
    return Value(tuple(shape), values[0].dtype)


def gather(call: Call) -> Value:
    """Select along an axis that is not the rows', by stored indices."""
    x = call.need(0)
    axis = call.axis(x, call.attributes.integer("axis", 0))
    indices = _indices(call, x.shape[axis])
    return Value((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)


def select_columns(call: Call) -> Value:
    """ArrayFeatureExtractor: select along the last axis, by stored indices."""
    x = call.need(0)
    axis = call.axis(x, -1)
    indices = _indices(call, x.shape[axis])
    return Value((*x.shape[:axis], indices.size), x.dtype)


def _indices(call: Call, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    indices = call.constant(1)
    if ((indices < 0) | (indices >= size)).any():
        raise call.bad(f"an index outside of 0 to {size - 1}")
    return indices


def cut(call: Call) -> Value:
    """Slice along axes that are not the rows', by stored bounds."""
    x = call.need(0)
    starts, ends = call.constant(1).reshape(-1), call.constant(2).reshape(-1)
    axes = call.axes(x, 3) if call.given(3) else [call.axis(x, at) for at in range(len(starts))]
    steps = call.constant(4).reshape(-1) if call.given(4) else np.ones_like(starts)
    if not axes or not len(starts) == len(ends) == len(axes) == len(steps) or (steps == 0).any():
        raise call.bad("bounds of a slice that do not belong together")
    shape = list(x.shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        shape[axis] = len(range(*slice(int(start), int(end), int(step)).indices(shape[axis])))
    return Value(tuple(shape), x.dtype)


def squeeze(call: Call) -> Value:
    """Drop axes of length 1."""
    x = call.need(0)
    axes = call.axes(x, 1)
    if not axes or any(x.shape[axis] != 1 for axis in axes):
        raise call.bad("axes to drop that are not named, or not of length 1")
    return Value(tuple(dim for at, dim in enumerate(x.shape) if at not in axes), x.dtype)


def unsqueeze(call: Call) -> Value:
    """Insert axes of length 1, behind the rows."""
    x = call.need(0)
    new = call.constant(1).reshape(-1)
    rank = len(x.shape) + len(new)
    axes = {int(axis) % rank for axis in new if -rank <= axis < rank}
    if len(axes) != len(new) or rank > _RANK:
        raise call.bad("axes to insert that stand twice or out of range")
    old = iter(x.shape)
    return Value(tuple(1 if at in axes else next(old) for at in range(rank)), x.dtype)


def transpose(call: Call) -> Value:
    """Permute axes; the rows stay first."""
    x = call.need(0)
    order = call.attributes.integers("perm").tolist() or list(range(len(x.shape)))[::-1]
    if sorted(order) != list(range(len(x.shape))) or (x.has_rows and order[0] != 0):
        raise call.bad("not a permutation that leaves the rows first")
    return Value(tuple(x.shape[axis] for axis in order), x.dtype)
