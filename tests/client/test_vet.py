"""A peer's bytes become a teacher, or a refusal that names the field, and nothing else."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grandrounds_client import vet as door
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_client.vetting.limits import Limits
from grandrounds_client.vetting.session import predictor
from grandrounds_client.vetting.tensors import Array
from grandrounds_protocol.errors import BadModel
from tests.client.zoo import COLUMNS, WIDTH, ZOO, released
from tests.vectors import sound

VALID = [sound.tree().SerializeToString(), sound.network().SerializeToString()]


def open_door(data: bytes, limits: Limits | None = None) -> Teacher:
    return vet(
        data,
        name="north",
        algorithm="tree",
        width=sound.WIDTH,
        classes=sound.CLASSES,
        limits=limits or Limits(),
    )


@pytest.mark.parametrize("data", VALID)
def test_graph_the_attacks_are_made_from_is_sound(data: bytes) -> None:
    teacher = open_door(data)
    rows = np.random.default_rng(0).random((50, sound.WIDTH), dtype=np.float32)
    np.testing.assert_allclose(teacher.predict_proba(rows).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_released_model_answers_as_its_learner(name: str) -> None:
    made = ZOO[name]()
    data = released(made.graph, made.classes)
    teacher = vet(data, name="north", algorithm=name, width=WIDTH, classes=made.classes)
    rows = np.random.default_rng(1).random((9000, WIDTH), dtype=np.float32)
    answers = teacher.predict_proba(rows)
    assert answers.dtype == np.float32
    assert answers.shape == (9000, made.classes)
    np.testing.assert_allclose(answers, made.predict(rows[:, COLUMNS]), atol=1e-4)
    np.testing.assert_array_equal(teacher.columns, np.sort(COLUMNS))


@pytest.mark.parametrize(
    ("name", "leaves", "differentiable"),
    [
        ("tree-2", True, False),
        ("tree-3", True, False),
        ("forest-3", False, False),
        ("naive-bayes-2", False, True),
        ("logistic-3", False, True),
        ("svm", False, True),
        ("mlp", False, True),
        ("cnn", False, True),
    ],
)
def test_views_follow_from_what_the_graph_is(
    name: str, *, leaves: bool, differentiable: bool
) -> None:
    made = ZOO[name]()
    data = released(made.graph, made.classes)
    teacher = vet(data, name="north", algorithm="liar", width=WIDTH, classes=made.classes)
    assert (teacher.leaves is not None) == leaves
    assert (teacher.differentiable is not None) == differentiable


def test_graph_without_gather_reads_all_columns() -> None:
    np.testing.assert_array_equal(open_door(VALID[0]).columns, np.arange(sound.WIDTH))


def test_dead_branches_do_not_count() -> None:
    whole = sound.network(onnx.helper.make_node("Relu", ["X"], ["unused"]))
    assert open_door(whole.SerializeToString()).differentiable is not None


@pytest.mark.parametrize(
    "limits", [Limits(size=10), Limits(nodes=1), Limits(elements=7), Limits(work=7)]
)
def test_limits_are_the_callers(limits: Limits) -> None:
    with pytest.raises(BadModel):
        open_door(VALID[1], limits)


def test_rows_answer_alike_alone_and_together() -> None:
    teacher = open_door(VALID[1])
    rows = np.random.default_rng(2).random((20, sound.WIDTH), dtype=np.float32)
    alone = np.concatenate([teacher.predict_proba(row[None]) for row in rows])
    np.testing.assert_allclose(teacher.predict_proba(rows), alone, atol=1e-6)


def test_no_rows_are_no_answers() -> None:
    empty = np.empty((0, sound.WIDTH), dtype=np.float32)
    assert open_door(VALID[0]).predict_proba(empty).shape == (0, sound.CLASSES)


@pytest.mark.parametrize("rows", [np.zeros((2, 3), np.float32), np.zeros((2, 4)), np.zeros(4)])
def test_rows_of_another_shape_are_the_callers_mistake(rows: Array) -> None:
    with pytest.raises(TypeError, match="rows are"):
        open_door(VALID[0]).predict_proba(rows)


@pytest.mark.parametrize(
    "answer",
    [[[0.5, 0.6]], [[np.nan, 1.0]], [[np.inf, 0.0]], [[-0.1, 1.1]], [[1.0]], [[0.3, 0.3, 0.4]]],
)
def test_answers_that_are_not_probabilities_are_refused(answer: list[list[float]]) -> None:
    ask = predictor(lambda _: np.array(answer, np.float32), width=4, classes=2, chunk=8)
    with pytest.raises(BadModel):
        ask(np.zeros((1, 4), dtype=np.float32))


def test_tree_whose_leaf_is_no_distribution_is_refused() -> None:
    with pytest.raises(BadModel, match="sum to 1"):
        open_door(sound.tree(class_weights=[0.1] * 6).SerializeToString())


def test_graph_that_onnxruntime_rejects_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("with the peer's text in it")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    with pytest.raises(BadModel) as refusal:
        open_door(VALID[0])
    assert "peer's text" not in str(refusal.value)


def test_view_that_disagrees_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "differentiable", lambda _: lambda rows: rows[:, :2])
    assert open_door(VALID[1]).differentiable is None


@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, len(VALID) - 1),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=3),
)
def test_flipped_bytes_are_refused_or_harmless(which: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(VALID[which])
    for position, mask in flips:
        data[position % len(data)] ^= mask
    rows = np.random.default_rng(3).random((16, sound.WIDTH), dtype=np.float32)
    try:
        answers = open_door(bytes(data)).predict_proba(rows)
    except BadModel:
        return
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-3)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadModel):
        open_door(data)
