"""Rules of operators that work number by number, with numpy's broadcasting."""

from itertools import zip_longest

from onnx import TensorProto

from grandrounds_client.vetting.values import NUMBERS, Call, Shape, Value


def same(call: Call) -> Value:
    """One input, an output of the same shape."""
    x = call.floating(0)
    return Value(x.shape, x.dtype)


def identity(call: Call) -> Value:
    """Pass a value on, stored numbers included."""
    return call.need(0)


def clip(call: Call) -> Value:
    """One input between two optional stored scalars."""
    for index in (1, 2):
        if call.given(index) is not None and call.fixed(index, rank=0).array is None:
            raise call.bad(f"input {index} is not stored")
    return same(call)


def cast(call: Call) -> Value:
    """Another element type."""
    to = call.attributes.integer("to", 0)
    if to not in NUMBERS:
        raise call.bad(f"cast to element type {to} is not accepted")
    return Value(call.need(0).shape, to)


def arithmetic(call: Call) -> Value:
    """Two or more inputs of one type, broadcast."""
    values = [call.floating(index) for index in range(len(call.inputs))]
    if len({value.dtype for value in values}) != 1:
        raise call.bad("inputs of different types, or none")
    shape: Shape = ()
    for value in values:
        shape = broadcast(call, shape, value.shape)
    return Value(shape, values[0].dtype)


def broadcast(call: Call, left: Shape, right: Shape) -> Shape:
    """Return the shape of two shapes broadcast, or refuse."""
    dims = list(zip_longest(reversed(left), reversed(right), fillvalue=1))
    if any(a != b and 1 not in {a, b} for a, b in dims):
        raise call.bad("shapes that do not fit together")
    return tuple(max(pair) for pair in reversed(dims))


def slope(call: Call) -> Value:
    """PRelu: the second input broadcasts to the first."""
    x, by = call.floating(0), call.fixed(1)
    if broadcast(call, x.shape, by.shape) != x.shape:
        raise call.bad("a slope that is larger than the input")
    return Value(x.shape, x.dtype)


def softmax(call: Call) -> Value:
    """Softmax along one axis that is not the rows'."""
    x = call.floating(0)
    call.axis(x, call.attributes.integer("axis", -1))
    return Value(x.shape, x.dtype)


def normalizer(call: Call) -> Value:
    """Scale each row of [N, k] to norm 1."""
    x = call.floating(0)
    if len(x.shape) != 2 or call.attributes.text("norm", "MAX") not in {"MAX", "L1", "L2"}:
        raise call.bad("an input that is not [N, k], or an unknown norm")
    return Value(x.shape, TensorProto.FLOAT)


def scaler(call: Call) -> Value:
    """Shift and scale each column of [N, k] by stored numbers, one for all or one a column."""
    x = call.floating(0)
    for name in ("offset", "scale"):
        if len(x.shape) != 2 or len(call.attributes.numbers(name)) not in {1, x.shape[1]}:
            raise call.bad(f"attribute {name!r} must hold one number, or one per column")
    return Value(x.shape, TensorProto.FLOAT, work=x.shape[1])
