"""Names, inputs, outputs and the order of nodes."""

import onnx
from onnx import helper

from tests.vectors.attacks.family import Family, before
from tests.vectors.sound import floats, integers, model, network, value

node = helper.make_node


def structures() -> Family:
    relu = node("Relu", ["X"], ["y"])
    backwards = [node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"])]
    twice = floats("twice", [1.0])
    output = value("p", ["N", 2])
    second = [value("X", ["N", 4]), value("Y", ["N", 4])]
    tail = node("Softmax", ["X"], ["p"])
    nasty = node("\x1b[2J" + "n" * 500, ["X"], ["y"])
    return {
        "unknown-operator": (network(node("Expand", ["X"], ["y"])), "'Expand'"),
        "nasty-name": (network(nasty), r"\x1b"),
        "look-alike-operator": (network(node("Rel\u057d", ["X"], ["y"])), "Rel\\u057d"),
        "operator-of-other-domain": (
            network(node("Relu", ["X"], ["y"], domain="ai.onnx.ml")),
            "'Relu'",
        ),
        "operator-without-name": (network(node("", ["X"], ["y"])), "not accepted"),
        "row-count-operator": (network(node("Shape", ["X"], ["y"])), "'Shape'"),
        "random-operator": (network(node("RandomNormalLike", ["X"], ["y"])), "RandomNormalLike"),
        "allocating-operator": (
            network(node("ConstantOfShape", ["s"], ["y"]), stored=[integers("s", [2**31])]),
            "ConstantOfShape",
        ),
        "text-operator": (_learning("LabelEncoder"), "'LabelEncoder'"),
        "support-vectors": (_learning("SVMClassifier"), "'SVMClassifier'"),
        "tree-regressor": (_learning("TreeEnsembleRegressor"), "'TreeEnsembleRegressor'"),
        "tree-of-newer-kind": (_learning("TreeEnsemble"), "'TreeEnsemble'"),
        "zip-map": (_learning("ZipMap"), "'ZipMap'"),
        "attribute-twice": (before(_doubled(), stored=[]), "stands twice"),
        "node-without-output": (before(node("Relu", ["X"], []), stored=[]), "not made"),
        "node-without-input": (before(node("Relu", [], ["y"]), stored=[]), "input 0"),
        "input-overwritten": (network(node("Relu", ["X"], ["X"])), "'X'"),
        "tensor-named-as-input": (network(stored=[floats("X", [1.0])]), "'X'"),
        "tensor-overwritten": (network(node("Relu", ["X"], ["W"])), "'W'"),
        "self-cycle": (network(node("Relu", ["y"], ["y"])), "not made"),
        "unknown-attribute": (before(node("Relu", ["X"], ["y"], alpha=1.0), stored=[]), "'alpha'"),
        "cyclic-graph": (network(*backwards), "not made"),
        "dangling-input": (network(node("Relu", ["nothing"], ["y"])), "'nothing'"),
        "name-made-twice": (network(relu, relu), "'y'"),
        "initializer-twice": (network(stored=[twice, twice]), "'twice'"),
        "output-twice": (model([tail], outputs=[output, output]), "output[1]"),
        "output-missing": (model([tail], outputs=[value("q", ["N", 2])]), "output[0]"),
        "two-inputs": (model([tail], inputs=second), "2 inputs"),
        "input-too-wide": (model([tail], inputs=[value("X", ["N", 5])]), "input[0]"),
        "input-of-fixed-rows": (model([tail], inputs=[value("X", [1, 4])]), "input[0]"),
        "two-float-outputs": (
            model(
                [node("Relu", ["X"], ["p"]), node("Relu", ["X"], ["q"])],
                outputs=[output, value("q", ["N", 2])],
            ),
            "2 float32 outputs",
        ),
        "output-too-wide": (model([tail], outputs=[value("p", ["N", 3])]), "model.graph.output"),
        "output-shape-lies": (model([tail]), "model.graph.output"),
    }


def _learning(operator: str) -> onnx.ModelProto:
    return network(node(operator, ["X"], ["y"], domain="ai.onnx.ml"))


def _doubled() -> onnx.NodeProto:
    made = node("Softmax", ["X"], ["y"], axis=1)
    made.attribute.append(made.attribute[0])
    return made
