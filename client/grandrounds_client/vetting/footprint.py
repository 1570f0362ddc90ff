"""Foresee shape, memory and work of every node, and that each row stands alone.

N is carried through the graph as one large prime. A value either does not depend on the
rows, or has N as its first dim and nowhere else; an operator that takes rows must give
rows, and none may run along them. So the answer for a row cannot depend on the other
rows that are asked about together with it, and cutting the rows into chunks is exact.
"""

from dataclasses import dataclass

from onnx import GraphProto, NodeProto, TensorProto

from grandrounds_client.vetting.attributes import read_attributes
from grandrounds_client.vetting.limits import Limits
from grandrounds_client.vetting.operators import OPERATORS
from grandrounds_client.vetting.tensors import read_tensor
from grandrounds_client.vetting.values import ROWS, Call, Value
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.shown import shown


@dataclass
class Footprint:
    """What a graph takes.

    Attributes
    ----------
    elements : int
        Numbers in tensors that do not depend on the rows.
    activations, work : int
        Numbers in intermediate tensors and multiply-adds, for one row.
    """

    elements: int = 0
    activations: int = 0
    work: int = 0

    def add(self, value: Value, where: str, limits: Limits) -> None:
        """Count one value; refuse where a sum passes its bound."""
        self.work += value.work + value.elements
        if value.has_rows:
            self.activations += value.elements
        else:
            self.elements += value.elements
        for name in ("elements", "activations", "work"):
            if getattr(self, name) > getattr(limits, name):
                bound = getattr(limits, name)
                raise BadModel(f"the graph takes more than {bound} {name} up to here", where=where)


def check_footprint(graph: GraphProto, *, width: int, classes: int, limits: Limits) -> Footprint:
    """Apply every operator's rule in order.

    Raises
    ------
    BadModel
        If a tensor, attribute or shape is not sound, a bound is passed, or the one
        output is not float32 [N, classes].
    """
    values, footprint = foresee(graph, width=width, limits=limits)
    _check_output(values[graph.output[0].name], classes)
    return footprint


def foresee(
    graph: GraphProto, *, width: int, limits: Limits
) -> tuple[dict[str, Value | None], Footprint]:
    """Return what is known of every value of the graph, by name, and their sum.

    Raises
    ------
    BadModel
    """
    footprint = Footprint()
    values = {"": None, graph.input[0].name: Value((ROWS, width), TensorProto.FLOAT)}
    for index, tensor in enumerate(graph.initializer):
        where = f"tensor {index} ({shown(tensor.name)})"
        values[tensor.name] = stored = _stored(tensor, where, limits)
        footprint.add(stored, where, limits)
    for index, node in enumerate(graph.node):
        where = f"node {index} ({shown(node.op_type)})"
        for name, value in zip(node.output, _apply(node, values, where, limits), strict=False):
            values[name] = value
            footprint.add(value, where, limits)
    return values, footprint


def _stored(tensor: TensorProto, where: str, limits: Limits) -> Value:
    array = read_tensor(tensor, where, limits)
    return Value(array.shape, tensor.data_type, array)


def _apply(
    node: NodeProto, values: dict[str, Value | None], where: str, limits: Limits
) -> tuple[Value, ...]:
    operator = OPERATORS[node.domain, node.op_type]
    attributes = read_attributes(node, where)
    for name in attributes:
        if name not in operator.attributes:
            raise BadModel(f"attribute {shown(name)} does not belong here", where=where)
    inputs = tuple(values[name] for name in node.input)
    made = operator.rule(Call(where, attributes, inputs, limits))
    outputs = made if isinstance(made, tuple) else (made,)
    if not 1 <= len(node.output) <= len(outputs) or "" in node.output:
        raise BadModel(f"{len(node.output)} outputs, {len(outputs)} are accepted", where=where)
    rows = any(value is not None and value.has_rows for value in inputs)
    for value in outputs:
        _check_rows(value, where, rows=rows)
    return outputs


def _check_rows(value: Value, where: str, *, rows: bool) -> None:
    rest = value.shape[1:] if rows else value.shape
    if (rows and not value.has_rows) or any(not 1 <= dim < ROWS for dim in rest):
        raise BadModel(
            "the shape is not fixed but for the rows, which must stay the first dim",
            where=where,
            remedy="each row must stand alone",
        )


def _check_output(value: Value | None, classes: int) -> None:
    if value is None or value.dtype != TensorProto.FLOAT or value.shape != (ROWS, classes):
        raise BadModel(
            f"the output is not float32 [N, {classes}]",
            where="model.graph.output",
            remedy="export probabilities of the federation's classes, in their order",
        )
