"""A graph as a torch module, so that one can walk downhill through a peer's model."""

from dataclasses import dataclass
from typing import cast

import torch
from onnx import ModelProto, NodeProto
from torch import Tensor, nn

from grandrounds_client.torch_operators import FUNCTIONS, Function, NotCovered
from grandrounds_client.vetting.attributes import Attributes, read_attributes
from grandrounds_client.vetting.constants import stored_arrays


@dataclass(frozen=True)
class _Step:
    """One node: what to do with which values."""

    function: Function
    attributes: Attributes
    inputs: tuple[str, ...]
    output: str


class GraphModule(nn.Module):
    """Float32 rows [N, D] to probabilities [N, C], step by step as the graph says.

    Numbers that the graph stores are buffers, so that `.to()` and `.double()` reach them;
    nothing is a parameter, since nobody retrains a peer's model.

    Raises
    ------
    NotCovered
        If the graph holds an operator that has no torch function.
    """

    def __init__(self, model: ModelProto) -> None:
        super().__init__()
        graph = model.graph
        self._input: str = graph.input[0].name
        self._output: str = graph.output[0].name
        self._stored: dict[str, str] = {}
        for index, (name, array) in enumerate(stored_arrays(graph).items()):
            self._stored[name] = f"stored_{index}"
            self.register_buffer(f"stored_{index}", torch.from_numpy(array.copy()))
        self._steps = [_step(node) for node in graph.node if node.op_type != "Constant"]

    def forward(self, rows: Tensor) -> Tensor:
        """Compute the probabilities."""
        values: dict[str, Tensor | None] = {"": None, self._input: rows}
        for name, buffer in self._stored.items():
            values[name] = self.get_buffer(buffer)
        for step in self._steps:
            inputs = [values[name] for name in step.inputs]
            values[step.output] = step.function(inputs, step.attributes)
        return cast("Tensor", values[self._output])


def _step(node: NodeProto) -> _Step:
    function = FUNCTIONS.get(node.op_type)
    if function is None:
        raise NotCovered
    # of labels and scores, only the scores have a gradient
    output = node.output[1 if node.op_type == "LinearClassifier" else 0]
    attributes = read_attributes(node, node.op_type)
    return _Step(function, attributes, tuple(node.input), output)


def differentiable(model: ModelProto) -> nn.Module | None:
    """Return the graph as a torch module [N, D] -> [N, C], or None.

    None where an operator has no useful gradient, such as a tree's, or is not covered.

    Parameters
    ----------
    model : onnx.ModelProto
        Vetted and pruned to one output.
    """
    width = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    try:
        module = GraphModule(model)
        with torch.no_grad():
            module(torch.full((2, width), 0.5))
    except (NotCovered, KeyError, RuntimeError, TypeError, ValueError, IndexError):
        # the graph is sound (it was vetted); a rare option of it is not covered here
        return None
    return module.eval()
