"""One small model of every kind that sites release, on three of six columns."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.graph import prune
from tests.vectors.sound import floats, integers, value

WIDTH = 6
COLUMNS = np.array([1, 2, 4, 5])


@dataclass(frozen=True)
class Made:
    """A model of the columns [N, 4], without the Gather in front."""

    graph: onnx.ModelProto
    predict: Callable[[Rows], Probabilities]
    classes: int


def released(graph: onnx.ModelProto, classes: int) -> bytes:
    """Return the graph on the federation's columns, as a site would release it."""
    names = {value.name: value for value in graph.graph.output}
    output = "probabilities" if "probabilities" in names else next(iter(names))
    whole = onnx.ModelProto()
    whole.CopyFrom(graph if len(names) == 1 else prune(graph, output))
    for node in whole.graph.node:
        node.input[:] = ["own" if name == "X" else name for name in node.input]
    gather = helper.make_node("Gather", ["X", "own_columns"], ["own"], axis=1)
    nodes = [gather, *whole.graph.node]
    del whole.graph.node[:], whole.graph.input[:], whole.graph.output[:]
    whole.graph.node.extend(nodes)
    whole.graph.input.append(value("X", ["N", WIDTH]))
    whole.graph.output.append(value(output, ["N", classes]))
    whole.graph.initializer.append(integers("own_columns", COLUMNS))
    return bytes(whole.SerializeToString())


def _fitted(estimator: Any, classes: int) -> Made:
    rng = np.random.default_rng(classes)
    X = rng.random((300, len(COLUMNS)), dtype=np.float32)
    y = (X[:, 0] + X[:, 1] * rng.random(300) > 0.7).astype(int) + (classes > 2) * (X[:, 2] > 0.5)
    estimator.fit(X, y)
    opsets = {"": 17, "ai.onnx.ml": 3}
    graph = to_onnx(estimator, X[:1], target_opset=opsets, options={"zipmap": False})
    return Made(graph, estimator.predict_proba, classes)


def _exported(network: torch.nn.Module, classes: int) -> Made:
    network.eval()
    buffer = io.BytesIO()
    torch.onnx.export(
        network,
        (torch.zeros(2, len(COLUMNS)),),
        buffer,  # type: ignore[arg-type]
        dynamo=False,
        opset_version=17,
        input_names=["X"],
        output_names=["p"],
        dynamic_axes={"X": {0: "N"}, "p": {0: "N"}},
    )

    def predict(rows: Rows) -> Probabilities:
        with torch.no_grad():
            answers: Probabilities = network(torch.from_numpy(rows)).numpy()
        return answers

    return Made(onnx.load_from_string(buffer.getvalue()), predict, classes)


def _mlp() -> Made:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 8), torch.nn.LeakyReLU(), torch.nn.Linear(8, 3)]
    return _exported(torch.nn.Sequential(*layers, torch.nn.Softmax(dim=1)), 3)


class _View(torch.nn.Module):
    """Four columns to an image of 1 x 6 x 6."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        wide = torch.cat([rows * (k + 1) / 9 for k in range(9)], dim=1)
        return wide.view(-1, 1, 6, 6)


def _cnn() -> Made:
    torch.manual_seed(0)
    normalization = torch.nn.BatchNorm2d(3)
    normalization.running_mean = torch.tensor([0.1, 0.2, -0.3])
    network = torch.nn.Sequential(
        _View(),
        torch.nn.Conv2d(1, 3, 3, padding=1),
        torch.nn.ReLU(),
        normalization,
        torch.nn.MaxPool2d(2, stride=1),
        torch.nn.Conv2d(3, 3, 2, groups=3),
        torch.nn.AvgPool2d(2, padding=1, count_include_pad=False),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(3, 2),
        torch.nn.Softmax(dim=1),
    )
    return _exported(network, 2)


def _svm() -> Made:
    """Random Fourier features, a linear margin, and Platt's sigmoid, written by hand."""
    rng = np.random.default_rng(0)
    W = rng.normal(size=(4, 16)).astype(np.float32)
    b, v = rng.random(16, dtype=np.float32), rng.normal(size=(16, 1)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["X", "W"], ["projected"]),
        helper.make_node("Add", ["projected", "b"], ["shifted"]),
        helper.make_node("Cos", ["shifted"], ["features"]),
        helper.make_node("Gemm", ["features", "v", "margin0"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["ill"]),
        helper.make_node("Sub", ["one", "ill"], ["well"]),
        helper.make_node("Concat", ["well", "ill"], ["p"], axis=1),
    ]
    stored = [floats("W", W), floats("b", b), floats("v", v)]
    stored += [floats("margin0", [0.1]), floats("one", 1.0)]
    inputs, outputs = [value("X", ["N", 4])], [value("p", ["N", 2])]
    graph = helper.make_graph(nodes, "svm", inputs, outputs, stored)
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def predict(rows: Rows) -> Probabilities:
        ill = 1 / (1 + np.exp(-(np.cos(rows @ W + b) @ v + np.float32(0.1))))
        return np.hstack([1 - ill, ill])

    return Made(whole, predict, 2)


ZOO: dict[str, Callable[[], Made]] = {
    "tree-2": lambda: _fitted(DecisionTreeClassifier(random_state=0), 2),
    "tree-3": lambda: _fitted(DecisionTreeClassifier(max_depth=4, random_state=0), 3),
    "forest-2": lambda: _fitted(RandomForestClassifier(10, max_depth=4, random_state=0), 2),
    "forest-3": lambda: _fitted(RandomForestClassifier(10, max_depth=4, random_state=0), 3),
    "naive-bayes-2": lambda: _fitted(GaussianNB(), 2),
    "naive-bayes-3": lambda: _fitted(GaussianNB(), 3),
    "logistic-2": lambda: _fitted(LogisticRegression(), 2),
    "logistic-3": lambda: _fitted(LogisticRegression(), 3),
    "svm": _svm,
    "mlp": _mlp,
    "cnn": _cnn,
}
ZOO = {name: cache(make) for name, make in ZOO.items()}
