"""Attributes of a node: unique, of the expected type, finite."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, NodeProto, TensorProto

from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.shown import shown

Raw = int | float | bytes | TensorProto | list[int] | list[float] | list[bytes]

_CONTENT = {
    AttributeProto.FLOAT: "f",
    AttributeProto.INT: "i",
    AttributeProto.STRING: "s",
    AttributeProto.TENSOR: "t",
    AttributeProto.FLOATS: "floats",
    AttributeProto.INTS: "ints",
    AttributeProto.STRINGS: "strings",
}
_KINDS = {
    "f": "alpha beta gamma epsilon momentum",
    "i": "axis transA transB keepdims noop_with_empty_axes allowzero to saturate group"
    " ceil_mode count_include_pad storage_order training_mode multi_class select_last_index",
    "s": "auto_pad norm post_transform approximate",
    "t": "value",
    "floats": "coefficients intercepts base_values class_weights nodes_hitrates nodes_values"
    " offset scale",
    "ints": "axes perm kernel_shape strides pads dilations classlabels_ints"
    " classlabels_int64s class_ids class_nodeids class_treeids nodes_falsenodeids"
    " nodes_featureids nodes_missing_value_tracks_true nodes_nodeids nodes_treeids"
    " nodes_truenodeids",
    "strings": "classlabels_strings nodes_modes",
}
KIND = {name: kind for kind, names in _KINDS.items() for name in names.split()}
"""The accepted attributes; a name means the same type with every operator."""


@dataclass(frozen=True)
class Attributes:
    """Attributes by name, with the default of the operator's specification at the call."""

    values: dict[str, Raw]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def number(self, name: str, default: float) -> float:
        """Return a float attribute."""
        return float(cast("float", self.values.get(name, default)))

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        return int(cast("int", self.values.get(name, default)))

    def text(self, name: str, default: str) -> str:
        """Return a string attribute, one character per byte."""
        return cast("bytes", self.values.get(name, default.encode())).decode("latin-1")

    def texts(self, name: str) -> list[bytes]:
        """Return a list of byte strings, empty where the attribute is absent."""
        return cast("list[bytes]", self.values.get(name, []))

    def integers(self, name: str) -> npt.NDArray[np.int64]:
        """Return a list of integers as int64 [n], empty where the attribute is absent."""
        return np.array(cast("list[int]", self.values.get(name, [])), dtype=np.int64)

    def numbers(self, name: str) -> npt.NDArray[np.float32]:
        """Return a list of numbers as float32 [n], empty where the attribute is absent."""
        return np.array(cast("list[float]", self.values.get(name, [])), dtype=np.float32)

    def tensor(self, name: str) -> TensorProto:
        """Return a tensor attribute, empty where the attribute is absent."""
        return cast("TensorProto", self.values.get(name, TensorProto()))


def read_attributes(node: NodeProto, where: str) -> Attributes:
    """Read the attributes of a node.

    Raises
    ------
    BadModel
        If one is unknown, repeated, of another type than its name says, or not finite.
    """
    values: dict[str, Raw] = {}
    for attribute in node.attribute:
        place = f"{where}, attribute {shown(attribute.name)}"
        if attribute.name in values:
            raise BadModel("an attribute stands twice", where=place)
        values[attribute.name] = _read(attribute, place)
    return Attributes(values)


def _read(attribute: AttributeProto, where: str) -> Raw:
    kind = KIND.get(attribute.name)
    if kind is None:
        raise BadModel("an attribute that is not accepted", where=where)
    content = [
        field.name
        for field, _ in attribute.ListFields()
        if field.name not in {"name", "type", "doc_string"}
    ]
    if _CONTENT.get(attribute.type) != kind or any(name != kind for name in content):
        raise BadModel("an attribute of the wrong type", where=where)
    value = getattr(attribute, kind)
    if kind in {"f", "floats"} and not np.isfinite(np.asarray(value, dtype=np.float64)).all():
        raise BadModel("a number that is not finite", where=where)
    return cast("Raw", value if kind in {"f", "i", "s", "t"} else list(value))
