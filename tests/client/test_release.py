"""A model leaves the house: one graph over the federation's columns, and a card."""

from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from pydantic import ValidationError

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.learners.logistic import Logistic
from grandrounds_client.learners.tree import DecisionTree
from grandrounds_client.release import bucket, card, export
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.records import Metrics
from tests.client.learners.data import CASES, COLUMNS, WIDTH, rows_of, run, shape_of, widen

SCORES = Metrics(accuracy=0.8, balanced_accuracy=0.7, auc=None, n=40)


@dataclass(frozen=True)
class Written:
    """A learner's model that consists of a given graph."""

    model: onnx.ModelProto

    def predict_proba(self, x: Rows) -> Probabilities:
        return np.full((len(x), 2), 0.5, dtype=np.float32)

    def to_onnx(self) -> onnx.ModelProto:
        return self.model


def written(inputs: tuple[str, ...] = ("X",), output: str = "probabilities") -> Written:
    """Softmax of the first two columns, signed by its author wherever ONNX has room for it."""
    nodes = [
        helper.make_node("Slice", ["X", "/ward/a", "/ward/b", "/ward/c"], ["/ward/cut"]),
        helper.make_node("Softmax", ["/ward/cut"], [output], name="/ward/S", doc_string="ward"),
    ]
    bounds = [
        helper.make_tensor(f"/ward/{name}", TensorProto.INT64, [1], [value])
        for name, value in (("a", 0), ("b", 2), ("c", 1))
    ]
    values = [helper.make_tensor_value_info(one, TensorProto.FLOAT, None) for one in inputs]
    out = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "ward", values, [out], bounds, doc_string="ward")
    model = helper.make_model(graph, producer_name="ward", doc_string="ward")
    model.metadata_props.add(key="ward", value="ward")
    return Written(model)


def released() -> onnx.ModelProto:
    x, y = rows_of(CASES[1])
    model = DecisionTree().fit(x, y, classes=3, weight=None, seed=0)
    found: onnx.ModelProto = onnx.ModelProto.FromString(export(model, COLUMNS, WIDTH))
    return found


def test_the_graph_has_one_input_and_one_output_fixed_but_for_the_rows() -> None:
    graph = released().graph
    assert [(value.name, shape_of(value)) for value in graph.input] == [("X", ["N", WIDTH])]
    assert [(value.name, shape_of(value)) for value in graph.output] == [
        ("probabilities", ["N", 3])
    ]


def test_the_first_node_gathers_the_owners_columns() -> None:
    graph = released().graph
    first = graph.node[0]
    assert (first.op_type, first.input[0]) == ("Gather", "X")
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert stored[first.input[1]].tolist() == COLUMNS.tolist()
    assert all("X" not in node.input for node in graph.node[1:])


def test_versions_are_named_once() -> None:
    model = released()
    assert {entry.domain: entry.version for entry in model.opset_import} == {
        "": 17,
        "ai.onnx.ml": 3,
    }
    assert len(model.opset_import) == 2
    assert model.ir_version == 8


def test_a_model_of_a_newer_operator_set_keeps_it() -> None:
    newer = written()
    del newer.model.opset_import[:]
    newer.model.opset_import.append(helper.make_opsetid("", 21))
    model = onnx.ModelProto.FromString(export(newer, COLUMNS, WIDTH))
    assert (model.opset_import[0].version, model.ir_version) == (21, 10)


def test_nothing_says_who_wrote_it() -> None:
    data = export(written(), COLUMNS, WIDTH)
    assert b"ward" not in data
    assert b"ward" in written().model.SerializeToString()


def test_a_site_with_all_columns_is_released_alike() -> None:
    x, y = rows_of(CASES[0])
    model = Logistic().fit(x, y, classes=2, weight=None, seed=0)
    everything = np.arange(x.shape[1])
    np.testing.assert_allclose(
        run(export(model, everything, x.shape[1]), x),
        run(export(model, COLUMNS, WIDTH), widen(x)),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "wrong", [written(output="scores"), written(inputs=("X", "Z")), written(inputs=("rows",))]
)
def test_a_graph_without_the_agreed_ends_is_refused(wrong: Written) -> None:
    with pytest.raises(BadModel):
        export(wrong, COLUMNS, WIDTH)


def test_a_graph_that_is_not_valid_is_refused() -> None:
    broken = written()
    broken.model.graph.node[1].op_type = "NoSuchOperator"
    with pytest.raises(BadModel, match="not valid"):
        export(broken, COLUMNS, WIDTH)


def test_a_row_count_is_told_by_its_bucket_only() -> None:
    buckets = {
        "0-9": (0, 1, 9),
        "10-49": (10, 49),
        "50-99": (50, 99),
        "100-199": (100, 199),
        "200-499": (200, 303, 499),
        "500-999": (500, 999),
        "1000+": (1000, 10**9),
    }
    for name, counts in buckets.items():
        assert {bucket(count) for count in counts} == {name}


def test_the_card_says_what_everybody_may_know() -> None:
    made = card("north", "decision tree", ["age"], ["well", "ill"], rows=303, validation=SCORES)
    assert (made.rows, made.features, made.classes) == ("200-499", ("age",), ("well", "ill"))
    assert made.validation == SCORES


def test_a_card_has_room_for_names_only() -> None:
    with pytest.raises(ValidationError):
        card("../north", "tree", ["age"], ["well", "ill"], rows=303, validation=None)
