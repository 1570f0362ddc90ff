"""Versions, domains, functions and subgraphs."""

import onnx
from onnx import helper

from tests.vectors.attacks.family import Family, changed
from tests.vectors.sound import floats, integers, network

node = helper.make_node


def headers() -> Family:
    loop = network(node("Loop", ["", "", "X"], ["y"], body=network().graph))
    branch = node("If", ["X"], ["y"], then_branch=network().graph, else_branch=network().graph)
    scan = network(node("Scan", ["X"], ["y"], body=network().graph, num_scan_inputs=1))
    graphs = node("Relu", ["X"], ["y"], bodies=[network().graph])
    sparse = node(
        "Constant",
        [],
        ["c"],
        sparse_value=helper.make_sparse_tensor(floats("s", [1.0]), integers("i", [0]), [4]),
    )
    typed = node("Optional", [], ["y"], type=helper.make_tensor_type_proto(1, [1]))
    referring = node("Relu", ["X"], ["y"])
    referring.attribute.add(name="alpha", type=1, ref_attr_name="outer")
    function = helper.make_function(
        "local", "F", ["a"], ["b"], [node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    return {
        "old-format": (changed(lambda m: setattr(m, "ir_version", 1)), "ir_version"),
        "old-operators": (
            changed(lambda m: setattr(m.opset_import[0], "version", 7)),
            "opset_import[0]",
        ),
        "two-operator-sets": (
            changed(lambda m: m.opset_import.add(domain="", version=14)),
            "two versions",
        ),
        "custom-domain": (
            changed(lambda m: m.opset_import.add(domain="com.microsoft", version=1)),
            "com.microsoft",
        ),
        "local-function": (changed(lambda m: m.functions.append(function)), "functions"),
        "training-info": (changed(lambda m: m.training_info.add()), "training_info"),
        "loop": (loop, "AttributeProto.g"),
        "loop-without-body": (network(node("Loop", ["", "", "X"], ["y"])), "'Loop'"),
        "scan": (scan, "AttributeProto.g"),
        "scan-without-body": (network(node("Scan", ["X"], ["y"])), "'Scan'"),
        "sequence-map": (network(node("SequenceMap", ["X"], ["y"])), "'SequenceMap'"),
        "graphs-attribute": (network(graphs), "AttributeProto.graphs"),
        "function-reference": (network(referring), "AttributeProto.ref_attr_name"),
        "sparse-attribute": (network(sparse), "AttributeProto.sparse_tensor"),
        "type-attribute": (network(typed), "AttributeProto.tp"),
        "function-overload": (changed(_overloaded), "overload"),
        "new-format": (changed(lambda m: setattr(m, "ir_version", 99)), "ir_version"),
        "no-format": (changed(lambda m: m.ClearField("ir_version")), "ir_version"),
        "new-operators": (
            changed(lambda m: setattr(m.opset_import[0], "version", 99)),
            "opset_import[0]",
        ),
        "negative-operators": (
            changed(lambda m: setattr(m.opset_import[0], "version", -1)),
            "opset_import[0]",
        ),
        "no-operators": (changed(lambda m: m.ClearField("opset_import")), "opset_import"),
        "look-alike-domain": (
            changed(lambda m: m.opset_import.add(domain="\u0430i.onnx.ml", version=3)),
            "\\u0430i.onnx.ml",
        ),
        "training-domain": (
            changed(lambda m: m.opset_import.add(domain="ai.onnx.training", version=1)),
            "ai.onnx.training",
        ),
        "multi-device": (changed(_on_devices), "configuration"),
        "if": (network(branch), "AttributeProto.g"),
    }


def _overloaded(whole: onnx.ModelProto) -> None:
    whole.graph.node[0].overload = "other"


def _on_devices(whole: onnx.ModelProto) -> None:
    whole.configuration.add(name="all", num_devices=8)
