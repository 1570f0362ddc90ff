"""Numbers that a graph stores, in initializers or in nodes."""

from onnx import GraphProto, numpy_helper

from grandrounds_client.vetting.tensors import Array


def stored_arrays(graph: GraphProto) -> dict[str, Array]:
    """Return the stored tensors of a vetted graph by name."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            stored[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return stored
