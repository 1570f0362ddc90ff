"""The torch view of a graph answers as onnxruntime does, and its slope is the slope."""

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch.nn import functional

from grandrounds_client.torch_operators.image import conv
from grandrounds_client.torch_view import differentiable
from grandrounds_client.vet import inspect
from grandrounds_client.vetting.attributes import read_attributes
from grandrounds_client.vetting.limits import DEFAULT_LIMITS
from grandrounds_client.vetting.session import open_session
from tests.client.operator_graphs import GRAPHS, operator_model
from tests.client.zoo import WIDTH, ZOO, released

node = helper.make_node
SMOOTH = ["naive-bayes-2", "naive-bayes-3", "logistic-2", "logistic-3", "svm", "mlp", "cnn"]


def view_of(name: str) -> tuple[torch.nn.Module, onnx.ModelProto]:
    made = ZOO[name]()
    data = released(made.graph, made.classes)
    graph, _ = inspect(data, width=WIDTH, classes=made.classes, limits=DEFAULT_LIMITS)
    view = differentiable(graph)
    assert view is not None
    return view, graph


@pytest.mark.parametrize("name", SMOOTH)
def test_view_answers_as_onnxruntime(name: str) -> None:
    view, graph = view_of(name)
    rows = np.random.default_rng(0).random((200, WIDTH), dtype=np.float32)
    with torch.no_grad():
        answers = view(torch.from_numpy(rows)).numpy()
    expected = open_session(graph.SerializeToString())(rows)
    np.testing.assert_allclose(answers, expected, atol=1e-5)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient_is_the_finite_difference(name: str) -> None:
    view = view_of(name)[0].double()
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(3, WIDTH, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(view, (rows,), eps=1e-6, atol=1e-5)


def test_columns_the_owner_lacks_have_no_slope() -> None:
    view, _ = view_of("mlp")
    rows = torch.full((2, WIDTH), 0.5, requires_grad=True)
    (slope,) = torch.autograd.grad(view(rows)[:, 0].sum(), rows)
    assert slope[:, [0, 3]].abs().max() == 0
    assert slope[:, [1, 2, 4, 5]].abs().min() > 0


@pytest.mark.parametrize("name", ["tree-2", "tree-3", "forest-2"])
def test_trees_have_no_slope(name: str) -> None:
    made = ZOO[name]()
    data = released(made.graph, made.classes)
    graph, _ = inspect(data, width=WIDTH, classes=made.classes, limits=DEFAULT_LIMITS)
    assert differentiable(graph) is None


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_operator_answers_as_onnxruntime(name: str) -> None:
    graph = operator_model(GRAPHS[name])
    view = differentiable(graph)
    assert view is not None
    rows = np.random.default_rng(6).random((7, 4), dtype=np.float32)
    with torch.no_grad():
        answers = view(torch.from_numpy(rows)).numpy()
    expected = open_session(graph.SerializeToString())(rows)
    assert answers.shape == expected.shape
    np.testing.assert_allclose(answers, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("strides", [[1, 1], [2, 3]])
@pytest.mark.parametrize("dilations", [[1, 1], [2, 1]])
@pytest.mark.parametrize("pads", [[1, 2, 1, 2], [0, 1, 2, 0]])
def test_a_convolution_of_few_channels_has_torchs_slope(
    strides: list[int], dilations: list[int], pads: list[int]
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 2, 9, 8, generator=generator, requires_grad=True)
    kernel, bias = (
        torch.randn(18, 2, 3, 3, generator=generator),
        torch.rand(18, generator=generator),
    )
    attributes = read_attributes(
        node("Conv", ["x"], ["y"], strides=strides, dilations=dilations, pads=pads), "Conv"
    )
    padded = functional.pad(x, [pads[1], pads[3], pads[0], pads[2]])
    expected = functional.conv2d(padded, kernel, bias, stride=strides, dilation=dilations)
    found = conv([x, kernel, bias], attributes)
    uneven = torch.rand(expected.shape, generator=generator)
    slopes = [torch.autograd.grad((y * uneven).sum(), x)[0] for y in (found, expected)]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Cast", ["X"], ["y"], to=TensorProto.INT64)],
        [node("ArgMax", ["X"], ["y"], axis=1)],
        [node("Flatten", ["X"], ["y"], axis=0)],
        [
            node("Reshape", ["X", "square"], ["a"]),
            node("MaxPool", ["a"], ["y"], kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
        ],
        [
            node("Reshape", ["X", "square"], ["a"]),
            node("AveragePool", ["a"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        ],
    ],
)
def test_what_is_not_covered_has_no_view(nodes: Sequence[onnx.NodeProto]) -> None:
    assert differentiable(operator_model(nodes)) is None
