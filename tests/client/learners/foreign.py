"""Models as other programs make them and their converters write them."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import onnx
import torch
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier

from grandrounds_client.arrays import Labels, Probabilities, Rows

Answer = Callable[[Rows], Probabilities]
Made = tuple[onnx.ModelProto, Answer]


def by_xgboost(x: Rows, y: Labels) -> Made:
    fitted = xgboost.XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1).fit(x, y)
    inputs = [("X", FloatTensorType([None, x.shape[1]]))]
    return convert_xgboost(fitted, initial_types=inputs), fitted.predict_proba


def by_lightgbm(x: Rows, y: Labels, *, zipmap: bool = False) -> Made:
    # with other threads about, OpenMP's would wait for each other
    fitted = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names of columns
        fitted.fit(x, y)
    inputs = [("X", FloatTensorType([None, x.shape[1]]))]
    graph = convert_lightgbm(fitted, initial_types=inputs, zipmap=zipmap)
    return (
        graph,
        lambda rows: (
            np.asarray(fitted.booster_.predict(rows), np.float32)
            if (fitted.n_classes_ > 2)
            else _both(np.asarray(fitted.booster_.predict(rows), np.float32))
        ),
    )


def _both(second: Any) -> Probabilities:
    both: Probabilities = np.stack([1 - second, second], axis=1)
    return both


def by_scikit_learn(x: Rows, y: Labels) -> Made:
    fitted = GradientBoostingClassifier(n_estimators=10, random_state=0).fit(x, y)
    opsets = {"": 17, "ai.onnx.ml": 3}
    graph = to_onnx(fitted, x[:1], options={"zipmap": False}, target_opset=opsets)
    return graph, fitted.predict_proba


def by_torch(x: Rows, y: Labels) -> Made:
    rng = torch.Generator().manual_seed(0)
    classes = int(y.max()) + 1
    layers = [torch.nn.Linear(x.shape[1], 8), torch.nn.Linear(8, classes)]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, generator=rng)
    net = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.Softmax(dim=1))
    buffer = io.BytesIO()
    torch.onnx.export(
        net.eval(),
        (torch.zeros(1, x.shape[1]),),
        buffer,  # type: ignore[arg-type]
        dynamo=False,
        opset_version=17,
        input_names=["rows"],
        output_names=["probabilities"],
        dynamic_axes={"rows": {0: "N"}, "probabilities": {0: "N"}},
    )

    def answer(rows: Rows) -> Probabilities:
        with torch.no_grad():
            found: Probabilities = net(torch.from_numpy(rows)).numpy()
        return found

    return onnx.load_from_string(buffer.getvalue()), answer


MAKERS: dict[str, Callable[..., Made]] = {
    "xgboost": by_xgboost,
    "lightgbm": by_lightgbm,
    "scikit-learn": by_scikit_learn,
    "torch": by_torch,
}
