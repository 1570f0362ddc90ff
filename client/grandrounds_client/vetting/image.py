"""Rules of convolution and pooling on [N, channels, height, width], or one or three axes."""

from dataclasses import dataclass
from math import prod

from grandrounds_client.vetting.values import Call, Shape, Value

_LARGEST = 4096


@dataclass(frozen=True)
class Window:
    """A window that slides over the spatial axes; `pads` as (before, after) per axis."""

    kernel: Shape
    strides: Shape
    dilations: Shape
    pads: tuple[tuple[int, int], ...]
    auto_pad: str
    ceil: bool

    def output(self, call: Call, sizes: Shape) -> Shape:
        """Return how many positions the window takes along each axis."""
        return tuple(self._along(call, axis, size) for axis, size in enumerate(sizes))

    def _along(self, call: Call, axis: int, size: int) -> int:
        stride, before_after = self.strides[axis], self.pads[axis]
        extent = (self.kernel[axis] - 1) * self.dilations[axis] + 1
        if self.auto_pad.startswith("SAME"):
            return -(-size // stride)
        # a window that lies wholly in the padding has nothing to read
        if max(before_after) >= extent or extent > size + sum(before_after):
            raise call.bad("a window or padding larger than what it slides over")
        room = size + sum(before_after) - extent
        return (-(-room // stride) if self.ceil else room // stride) + 1


def read_window(call: Call, kernel: Shape) -> Window:
    """Read the sliding window of a node.

    Raises
    ------
    BadModel
        If a list has another length than there are axes, or a number is out of range.
    """
    axes = len(kernel)
    ones = (1,) * axes
    strides = _list(call, "strides", ones, least=1)
    dilations = _list(call, "dilations", ones, least=1)
    pads = _list(call, "pads", (0,) * (2 * axes), least=0)
    auto_pad = call.attributes.text("auto_pad", "NOTSET")
    if auto_pad not in {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}:
        raise call.bad("attribute 'auto_pad' is not accepted")
    if auto_pad != "NOTSET" and (any(pads) or dilations != ones):
        raise call.bad("pads or dilations beside attribute 'auto_pad'")
    pairs = tuple(zip(pads[:axes], pads[axes:], strict=True))
    ceil = call.attributes.integer("ceil_mode", 0) != 0
    return Window(kernel, strides, dilations, pairs, auto_pad, ceil)


def _list(call: Call, name: str, default: Shape, least: int) -> Shape:
    numbers = tuple(call.attributes.integers(name).tolist()) or default
    if len(numbers) != len(default) or not all(least <= n <= _LARGEST for n in numbers):
        raise call.bad(f"attribute '{name}' has the wrong length or a number out of range")
    return numbers


def _image(call: Call) -> Value:
    x = call.floating(0)
    if not x.has_rows or not 3 <= len(x.shape) <= 5:
        raise call.bad("an input that is not [N, channels, one to three axes]")
    return x


def conv(call: Call) -> Value:
    """Convolution with stored weights [channels out, channels in / groups, kernel...]."""
    x, w = _image(call), call.fixed(1)
    group = call.attributes.integer("group", 1)
    if len(w.shape) != len(x.shape) or group < 1 or w.shape[0] % group:
        raise call.bad("weights that do not fit the input or attribute 'group'")
    if w.shape[1] * group != x.shape[1]:
        raise call.bad("weights for another number of channels")
    kernel = _list(call, "kernel_shape", w.shape[2:], least=1)
    if kernel != w.shape[2:] or any(size > _LARGEST for size in kernel):
        raise call.bad("attribute 'kernel_shape' is not the weights' shape, or too large")
    if call.given(2) is not None and call.fixed(2, rank=1).shape != w.shape[:1]:
        raise call.bad("a bias that is not one number per channel")
    shape = (*x.shape[:1], w.shape[0], *read_window(call, kernel).output(call, x.shape[2:]))
    return Value(shape, x.dtype, work=prod(shape[1:]) * prod(w.shape[1:]))


def pool(call: Call) -> Value:
    """Maximum or mean in a sliding window."""
    x = _image(call)
    if call.attributes.integer("storage_order", 0) != 0:
        raise call.bad("attribute 'storage_order' is not accepted")
    kernel = _list(call, "kernel_shape", (0,) * len(x.shape[2:]), least=1)
    if 0 in kernel:
        raise call.bad("attribute 'kernel_shape' is missing")
    shape = (*x.shape[:2], *read_window(call, kernel).output(call, x.shape[2:]))
    return Value(shape, x.dtype, work=prod(shape[1:]) * prod(kernel))


def global_pool(call: Call) -> Value:
    """Maximum or mean of each channel."""
    x = _image(call)
    shape = (*x.shape[:2], *(1 for _ in x.shape[2:]))
    return Value(shape, x.dtype, work=x.elements)
