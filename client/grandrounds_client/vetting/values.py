"""What is known of a value without computing it: shape, type, and the numbers of constants."""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from grandrounds_client.vetting.attributes import Attributes
from grandrounds_client.vetting.limits import Limits
from grandrounds_client.vetting.tensors import Array
from grandrounds_protocol.errors import BadModel

ROWS = 2**31 - 1
"""Stands for N in a shape: a prime beyond every bound, so that no other dim can be it.

Shapes are python integers and nothing of that size is ever allocated."""

FLOATS = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE})
NUMBERS = FLOATS | {TensorProto.INT32, TensorProto.INT64}

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A value of the graph.

    Attributes
    ----------
    shape : tuple of int
        With `ROWS` for N.
    dtype : int
        An element type of `onnx.TensorProto`.
    array : ndarray or None
        The numbers, where the file holds them.
    work : int
        Multiply-adds that the value takes beyond one per element; one row's where it
        has rows.
    """

    shape: Shape
    dtype: int
    array: Array | None = None
    work: int = 0

    @property
    def has_rows(self) -> bool:
        """Whether the first dim is N."""
        return self.shape[:1] == (ROWS,)

    @property
    def elements(self) -> int:
        """Number of elements, for one row where the value has rows."""
        return prod(self.shape[1:] if self.has_rows else self.shape)


@dataclass(frozen=True)
class Call:
    """One node with what is known of its inputs: all that a rule of `operators` reads."""

    where: str
    attributes: Attributes
    inputs: tuple[Value | None, ...]
    limits: Limits

    def bad(self, problem: str, remedy: str = "") -> BadModel:
        """Return the refusal of this node."""
        return BadModel(problem, where=self.where, remedy=remedy)

    def given(self, index: int) -> Value | None:
        """Return an optional input."""
        return self.inputs[index] if index < len(self.inputs) else None

    def need(self, index: int) -> Value:
        """Return an input that must be there, and be numbers."""
        value = self.given(index)
        if value is None or value.dtype not in NUMBERS:
            raise self.bad(f"input {index} is missing or not a number")
        return value

    def floating(self, index: int) -> Value:
        """Return an input of floating-point numbers: integer division can crash a process."""
        value = self.need(index)
        if value.dtype not in FLOATS:
            raise self.bad(f"input {index} is not float")
        return value

    def fixed(self, index: int, rank: int | None = None) -> Value:
        """Return a floating-point input that does not depend on the rows."""
        value = self.floating(index)
        if value.has_rows or (rank is not None and len(value.shape) != rank):
            raise self.bad(f"input {index} is not a fixed tensor of the right rank")
        return value

    def constant(self, index: int) -> npt.NDArray[np.int64]:
        """Return the integers of an input that must be stored in the file."""
        value = self.need(index)
        if value.array is None or value.array.dtype.kind != "i":
            raise self.bad(
                f"input {index} is not a stored integer tensor",
                remedy="shapes, axes and indices must be constants",
            )
        return value.array.astype(np.int64)

    def axis(self, value: Value, axis: int) -> int:
        """Return an axis counted from the front; refuse the one that runs over the rows."""
        rank = len(value.shape)
        if not -rank <= axis < rank:
            raise self.bad(f"axis {axis} of a tensor with {rank} dims")
        if value.has_rows and axis % rank == 0:
            raise self.bad("the operator runs over the rows", "each row must stand alone")
        return axis % rank

    def axes(self, value: Value, index: int) -> list[int] | None:
        """Return the axes named by the attribute or, in newer versions, by an input."""
        if "axes" in self.attributes:
            named = self.attributes.integers("axes")
        elif self.given(index) is not None:
            named = self.constant(index).reshape(-1)
        else:
            return None
        axes = [self.axis(value, int(axis)) for axis in named]
        if len(set(axes)) != len(axes):
            raise self.bad("an axis stands twice")
        return axes
