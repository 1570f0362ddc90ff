"""What is foreseen of a graph is what onnxruntime then does."""

import numpy as np
import onnx
import pytest

from grandrounds_client.vetting.footprint import foresee
from grandrounds_client.vetting.limits import DEFAULT_LIMITS
from grandrounds_client.vetting.operators import OPERATORS
from grandrounds_client.vetting.session import open_session
from grandrounds_client.vetting.structure import check_structure
from grandrounds_client.vetting.values import ROWS, Value
from tests.client.operator_graphs import GRAPHS, operator_model
from tests.client.zoo import WIDTH, ZOO, released


def foreseen(model: onnx.ModelProto, width: int) -> Value:
    check_structure(model.graph, OPERATORS)
    values, _ = foresee(model.graph, width=width, limits=DEFAULT_LIMITS)
    value = values[model.graph.output[0].name]
    assert value is not None
    return value


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_shape_and_type_are_foreseen(name: str) -> None:
    model = operator_model(GRAPHS[name])
    value = foreseen(model, 4)
    answer = open_session(model.SerializeToString())(np.ones((7, 4), dtype=np.float32))
    assert tuple(7 if dim == ROWS else dim for dim in value.shape) == answer.shape
    assert onnx.helper.tensor_dtype_to_np_dtype(value.dtype) == answer.dtype


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_a_row_is_answered_alike_alone_and_in_company(name: str) -> None:
    model = operator_model(GRAPHS[name])
    foreseen(model, 4)
    ask = open_session(model.SerializeToString())
    rows = np.random.default_rng(0).random((6, 4), dtype=np.float32)
    alone = np.concatenate([ask(row[None]) for row in rows])
    np.testing.assert_allclose(ask(rows), alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_probabilities_of_every_learner_are_foreseen(name: str) -> None:
    made = ZOO[name]()
    model = onnx.load_from_string(released(made.graph, made.classes))
    assert foreseen(model, WIDTH).shape == (ROWS, made.classes)
