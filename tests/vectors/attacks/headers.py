"""Versions, domains, functions and subgraphs."""

from onnx import helper

from tests.vectors.attacks.family import Family, changed
from tests.vectors.sound import network

node = helper.make_node


def headers() -> Family:
    loop = network(node("Loop", ["", "", "X"], ["y"], body=network().graph))
    branch = node("If", ["X"], ["y"], then_branch=network().graph, else_branch=network().graph)
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
        "if": (network(branch), "AttributeProto.g"),
    }
