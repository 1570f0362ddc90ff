"""What an ONNX graph needs for one of its outputs, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence

import onnx

from grandrounds_protocol.errors import BadModel

OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Operator sets that this package's own models are written in."""
IR_VERSION = 8
"""The first format version that knows these operator sets."""


def prune(model: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """Return a fresh model that computes `output` alone.

    Dead nodes, initializers and outputs go; so do names of nodes, doc strings, producer,
    metadata, functions, training information and value_info, because the model is
    rebuilt from its parts rather than trimmed. The inputs stay (X is part of the
    contract even where a constant model ignores it), except those that only give an
    initializer a second name. Each domain in use is imported once, at the highest
    version named, and the default domain always.

    The graph must be flat: operators that hold subgraphs (If, Loop, Scan) and sparse
    initializers are not followed, and are refused where models are vetted.

    Parameters
    ----------
    model : onnx.ModelProto
    output : str
        Name of one of the graph's outputs.

    Raises
    ------
    BadModel
        If the graph has no such output.
    """
    graph = model.graph
    value = next((value for value in graph.output if value.name == output), None)
    if value is None:
        raise BadModel("the graph lacks the output that is wanted", where=f"output {output!r}")
    nodes = _needed(graph.node, output)
    read = {name for node in nodes for name in node.input} | {output}
    constants = {tensor.name for tensor in graph.initializer}
    return assemble(
        nodes,
        [value for value in graph.input if value.name not in constants],
        [value],
        [tensor for tensor in graph.initializer if tensor.name in read],
        opsets=_imports(model, nodes),
        ir_version=model.ir_version,
    )


def assemble(
    nodes: Iterable[onnx.NodeProto],
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[onnx.ValueInfoProto],
    initializers: Iterable[onnx.TensorProto],
    *,
    opsets: Mapping[str, int] = OPSETS,
    ir_version: int = IR_VERSION,
) -> onnx.ModelProto:
    """Return a model of these parts that says nothing about who wrote it, or how."""
    graph = onnx.GraphProto(
        name="model", node=nodes, input=inputs, output=outputs, initializer=initializers
    )
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        for remark in {"doc_string", "metadata_props"} & set(part.DESCRIPTOR.fields_by_name):
            part.ClearField(remark)
    for node in graph.node:
        node.ClearField("name")
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
    model = onnx.ModelProto(ir_version=ir_version, graph=graph)
    for domain in sorted(opsets):
        model.opset_import.add(domain=domain, version=opsets[domain])
    # Fields that no reader knows would still travel, and could carry anything.
    model.DiscardUnknownFields()
    return model


def _needed(nodes: Sequence[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """Return the nodes that `output` depends on, in their old order."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    kept: set[int] = set()
    unresolved = [output]
    while unresolved:
        index = maker.get(unresolved.pop())
        if index is not None and index not in kept:
            kept.add(index)
            unresolved.extend(name for name in nodes[index].input if name)
    return [nodes[index] for index in sorted(kept)]


def _imports(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> dict[str, int]:
    used = {_domain(node.domain) for node in nodes} | {""}
    opsets: dict[str, int] = {}
    for entry in model.opset_import:
        domain = _domain(entry.domain)
        if domain in used:
            opsets[domain] = max(entry.version, opsets.get(domain, 0))
    return opsets


def _domain(name: str) -> str:
    """Spell the default domain in one way; the standard allows two."""
    return "" if name == "ai.onnx" else name
