"""What a torch function of an operator looks like."""

from collections.abc import Callable, Sequence

from torch import Tensor

from grandrounds_client.vetting.attributes import Attributes

Inputs = Sequence[Tensor | None]
"""Inputs of a node, None where an optional one is left out."""
Function = Callable[[Inputs, Attributes], Tensor]


class NotCovered(Exception):
    """The graph uses an operator or option that has no gradient here."""


def tensor(inputs: Inputs, index: int) -> Tensor:
    """Return an input that must be there."""
    value = optional(inputs, index)
    if value is None:
        raise NotCovered
    return value


def optional(inputs: Inputs, index: int) -> Tensor | None:
    """Return an input that may be left out."""
    return inputs[index] if index < len(inputs) else None


def integers(inputs: Inputs, index: int) -> list[int]:
    """Return a stored list of integers."""
    return [int(number) for number in tensor(inputs, index).reshape(-1).tolist()]


def axes(inputs: Inputs, attributes: Attributes) -> list[int]:
    """Return the axes named by the attribute or, in newer versions, by the second input."""
    if "axes" in attributes:
        return [int(axis) for axis in attributes.integers("axes")]
    return integers(inputs, 1)
