"""Models that other programs made: through the same door as all, or refused by name."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.learners.bring import bring
from grandrounds_client.release import export
from grandrounds_client.vet import vet
from grandrounds_protocol.errors import BadInput
from tests.client.learners.data import COLUMNS, WIDTH, Case, probes, rows_of, widen
from tests.client.learners.foreign import MAKERS, Answer
from tests.vectors.sound import model, value

every_maker = pytest.mark.parametrize("maker", sorted(MAKERS))


def made(tmp_path: Path, maker: str, classes: int, *, wide: bool = False) -> tuple[Path, Answer]:
    x, y = rows_of(Case(classes, tuple(range(classes))), count=200)
    graph, answer = MAKERS[maker](widen(x) if wide else x, y)
    path = tmp_path / "model.onnx"
    path.write_bytes(graph.SerializeToString())
    return path, answer


def as_written(path: Path, x: Rows) -> Probabilities:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # LightGBM's converter declares one label for all rows
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    answers = session.run(None, {session.get_inputs()[0].name: x})
    return np.asarray(next(one for one in answers if one.dtype == np.float32))


@every_maker
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("wide", [False, True])
def test_its_release_answers_as_the_program_that_made_it(
    tmp_path: Path, maker: str, classes: int, *, wide: bool
) -> None:
    path, answer = made(tmp_path, maker, classes, wide=wide)
    x = probes(rows_of(Case(classes, tuple(range(classes))), count=200)[0])
    brought = bring(path, widen(x), COLUMNS, classes=classes, algorithm=maker)
    y = np.zeros(len(x), np.int32)
    fitted = brought.fit(x, y, classes=classes, weight=None, seed=0)
    data = export(fitted, COLUMNS, WIDTH)
    teacher = vet(data, name="north", algorithm=maker, width=WIDTH, classes=classes)
    own = widen(x) if wide else x
    # on a threshold the file itself may differ: LightGBM's converter rounds to the nearest float32
    random = slice(0, 500)
    released = teacher.predict_proba(widen(x))
    np.testing.assert_allclose(released[random], answer(own[random]), atol=1e-5)
    np.testing.assert_allclose(released, as_written(path, own), atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(x), released, atol=1e-6)
    np.testing.assert_array_equal(
        teacher.predict_proba(widen(x, 0.0)), teacher.predict_proba(widen(x, 1.0))
    )
    assert teacher.columns.tolist() == COLUMNS.tolist()
    assert (teacher.differentiable is not None) == (maker == "torch")


def test_rows_do_not_change_it(tmp_path: Path) -> None:
    path, _ = made(tmp_path, "xgboost", 2)
    x, y = rows_of(Case(2, (0, 1)))
    brought = bring(path, widen(x), COLUMNS, classes=2)
    one, other = (
        export(brought.fit(part, y, classes=2, weight=None, seed=0), COLUMNS, WIDTH)
        for part in (x, x[::-1])
    )
    assert one == other


def refused(path: Path, classes: int = 2) -> BadInput:
    x = rows_of(Case(2, (0, 1)))[0]
    with pytest.raises(BadInput) as caught:
        bring(path, widen(x), COLUMNS, classes=classes)
    assert str(path) in caught.value.where
    assert caught.value.remedy
    return caught.value


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.onnx").problem


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path).problem


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickle", b"not a model", b"PK\x03\x04zip"])
def test_another_format_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    refused(path)


def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    path, _ = made(tmp_path, "xgboost", 2)
    assert "[N, 3]" in refused(path, classes=3).problem


def test_another_number_of_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    x, y = rows_of(Case(2, (0, 1)))
    path.write_bytes(MAKERS["xgboost"](x[:, :3], y)[0].SerializeToString())
    refusal = refused(path)
    assert f"[N, {len(COLUMNS)}]" in refusal.problem
    assert "model.graph.input" in refusal.where


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    d = len(COLUMNS)
    weights = onnx.numpy_helper.from_array(np.full((d, 2), 9, np.float32), "W")
    node = helper.make_node("MatMul", ["X", "W"], ["p"])
    graph = model([node], [weights], inputs=[value("X", ["N", d])])
    path.write_bytes(graph.SerializeToString())
    assert "sum to 1" in refused(path).problem


def test_zipmap_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    x, y = rows_of(Case(2, (0, 1)))
    path.write_bytes(MAKERS["lightgbm"](x, y, zipmap=True)[0].SerializeToString())
    assert "zipmap off" in refused(path).remedy


def test_operators_too_old_to_rewrite_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no adapter")

    path, _ = made(tmp_path, "lightgbm", 2)
    monkeypatch.setattr("onnx.version_converter.convert_version", fail)
    assert "target opset 17" in refused(path).remedy
