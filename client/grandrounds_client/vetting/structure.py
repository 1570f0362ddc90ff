"""Names, order and operators of the graph, its one input and its probability output."""

from collections.abc import Container

from onnx import GraphProto, TensorProto, ValueInfoProto

from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.shown import shown


def check_structure(graph: GraphProto, operators: Container[tuple[str, str]]) -> None:
    """Refuse unknown operators, and names used before or more than once they are made.

    Raises
    ------
    BadModel
    """
    made = {""}
    for index, value in enumerate(graph.input):
        _make(value.name, made, f"model.graph.input[{index}]")
    for index, tensor in enumerate(graph.initializer):
        _make(tensor.name, made, f"model.graph.initializer[{index}]")
    for index, node in enumerate(graph.node):
        where = f"node {index} ({shown(node.op_type)})"
        if (node.domain, node.op_type) not in operators:
            raise BadModel("the operator is not accepted", where=where)
        for name in node.input:
            if name not in made:
                problem = f"input {shown(name)} is not made by anything before"
                raise BadModel(
                    problem, where=where, remedy="order the nodes; the graph has no cycle"
                )
        for name in node.output:
            if name:
                _make(name, made, where)
    _check_outputs(graph, made)


def _make(name: str, made: set[str], where: str) -> None:
    if name in made:
        problem = f"the name {shown(name)} is made twice" if name else "a value without a name"
        raise BadModel(problem, where=where)
    made.add(name)


def _check_outputs(graph: GraphProto, made: set[str]) -> None:
    names = [value.name for value in graph.output]
    for index, name in enumerate(names):
        where = f"model.graph.output[{index}]"
        if not name or name not in made:
            raise BadModel(f"the output {shown(name)} is not made by any node", where=where)
        if name in names[:index]:
            raise BadModel(f"the output {shown(name)} stands twice", where=where)


def check_input(graph: GraphProto, width: int) -> None:
    """Refuse a graph whose input is not one float32 [N, width].

    Raises
    ------
    BadModel
    """
    if len(graph.input) != 1:
        raise BadModel(f"{len(graph.input)} inputs, one is accepted", where="model.graph.input")
    where = "model.graph.input[0]"
    shape = _shape(graph.input[0], where)
    if len(shape) != 2 or shape[0] is not None or shape[1] != width:
        raise BadModel(
            f"the input is not float32 [N, {width}] with N left open",
            where=where,
            remedy="export on the federation's shared columns; the first node gathers the owner's",
        )


def choose_output(graph: GraphProto, classes: int) -> str:
    """Return the name of the one output that can be float32 [N, classes].

    Raises
    ------
    BadModel
        If there is none, or more than one.
    """
    where = "model.graph.output"
    floats = [value for value in graph.output if _is_float(value)]
    if len(floats) != 1:
        raise BadModel(f"{len(floats)} float32 outputs, one is accepted", where=where)
    shape = _shape(floats[0], where)
    if shape and (len(shape) != 2 or shape[0] is not None or shape[1] not in {None, classes}):
        raise BadModel(f"the output is not declared as float32 [N, {classes}]", where=where)
    name: str = floats[0].name
    return name


def _is_float(value: ValueInfoProto) -> bool:
    return value.type.tensor_type.elem_type == TensorProto.FLOAT


def _shape(value: ValueInfoProto, where: str) -> list[int | None]:
    """Return the declared dims, None where a dim is left open."""
    if not _is_float(value):
        raise BadModel(f"{shown(value.name)} is not a float32 tensor", where=where)
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
