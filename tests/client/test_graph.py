"""Pruning: what an output needs, and nothing else."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from grandrounds_client.graph import prune
from grandrounds_protocol.errors import BadModel

FLOAT = TensorProto.FLOAT


def model() -> onnx.ModelProto:
    """Two outputs with a node in common, dead nodes, and remarks everywhere."""
    nodes = [
        helper.make_node("Add", ["X", "one"], ["shared"], name="n", doc_string="remark"),
        helper.make_node("Mul", ["shared", "two"], ["wanted"]),
        helper.make_node("Binarizer", ["shared"], ["other"], domain="ai.onnx.ml"),
        helper.make_node("Neg", ["dead"], ["deader"]),
        helper.make_node("Neg", ["X"], ["dead"]),
    ]
    tensors = [
        numpy_helper.from_array(np.array([value], dtype=np.float32), name)
        for name, value in (("one", 1), ("two", 2), ("unused", 3))
    ]
    tensors[0].doc_string = "remark"
    ends = {
        name: helper.make_tensor_value_info(name, FLOAT, ["N", 1], doc_string="remark")
        for name in ("X", "wanted", "other", "one")
    }
    graph = helper.make_graph(
        nodes,
        "remark",
        [ends["X"], ends["one"]],
        [ends["other"], ends["wanted"]],
        tensors,
        doc_string="remark",
        value_info=[helper.make_tensor_value_info("remark", FLOAT, [1])],
    )
    imports = [("", 17), ("ai.onnx", 12), ("ai.onnx.ml", 3), ("", 17)]
    made = helper.make_model(
        graph,
        producer_name="remark",
        doc_string="remark",
        ir_version=8,
        opset_imports=[helper.make_opsetid(*one) for one in imports],
    )
    made.metadata_props.add(key="remark", value="remark")
    return made


def test_only_what_the_output_needs_is_left() -> None:
    graph = prune(model(), "wanted").graph
    assert [node.op_type for node in graph.node] == ["Add", "Mul"]
    assert [tensor.name for tensor in graph.initializer] == ["one", "two"]
    assert [value.name for value in graph.input] == ["X"]
    assert [value.name for value in graph.output] == ["wanted"]


def test_a_node_with_two_outputs_stays_for_one_of_them() -> None:
    whole = model()
    whole.graph.node[1].output[:] = ["", "wanted"]
    assert [node.op_type for node in prune(whole, "wanted").graph.node] == ["Add", "Mul"]


def test_the_function_stays_the_same() -> None:
    x = np.array([[0.5], [2]], dtype=np.float32)
    session = onnxruntime.InferenceSession(prune(model(), "wanted").SerializeToString())
    np.testing.assert_array_equal(session.run(None, {"X": x})[0], (x + 1) * 2)


def test_domains_in_use_are_imported_once() -> None:
    def imports(output: str) -> list[tuple[str, int]]:
        return [(one.domain, one.version) for one in prune(model(), output).opset_import]

    assert imports("wanted") == [("", 17)]
    assert imports("other") == [("", 17), ("ai.onnx.ml", 3)]


def test_no_remark_survives() -> None:
    assert b"remark" in model().SerializeToString()
    assert b"remark" not in prune(model(), "wanted").SerializeToString()


def test_fields_unknown_to_the_format_do_not_survive() -> None:
    # Field 999 of the model, as bytes.
    data = model().SerializeToString() + b"\xba\x3e\x07smuggle"
    unknown = onnx.ModelProto.FromString(data)
    assert b"smuggle" in unknown.SerializeToString()
    assert b"smuggle" not in prune(unknown, "wanted").SerializeToString()


def test_the_original_is_left_alone() -> None:
    whole = model()
    prune(whole, "wanted")
    assert whole == model()


@pytest.mark.parametrize("output", ["shared", "missing", ""])
def test_an_output_the_graph_lacks_is_refused(output: str) -> None:
    with pytest.raises(BadModel):
        prune(model(), output)


def test_a_cycle_does_not_hang() -> None:
    whole = model()
    whole.graph.node[0].input[0] = "wanted"
    assert len(prune(whole, "wanted").graph.node) == 2
