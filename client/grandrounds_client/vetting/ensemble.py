"""The rule of TreeEnsembleClassifier."""

import numpy as np
from onnx import TensorProto

from grandrounds_client.vetting.linear import check_post_transform, classifier_labels
from grandrounds_client.vetting.trees import read_forest
from grandrounds_client.vetting.values import Call, Value


def tree_ensemble(call: Call) -> tuple[Value, Value]:
    """[N, d] to labels [N] and scores [N, C]."""
    x = call.floating(0)
    # thresholds are float32: in float64 a row may fall on the other side
    if len(x.shape) != 2 or x.dtype != TensorProto.FLOAT:
        raise call.bad("an input that is not float32 [N, d]")
    labels = classifier_labels(call, "classlabels_int64s")
    classes = labels.shape[1]
    forest = read_forest(
        call.attributes, call.where, width=x.shape[1], classes=classes, limits=call.limits
    )
    _check_base_values(call, classes)
    check_post_transform(call)
    work = len(forest.roots) * (forest.depth + classes)
    scores = Value((x.shape[0], classes), TensorProto.FLOAT, work=work)
    return Value((x.shape[0],), labels.dtype), scores


def _check_base_values(call: Call, classes: int) -> None:
    """Refuse all but one number per class, or per score where two classes share one."""
    base = len(call.attributes.numbers("base_values"))
    # XGBoost and scikit-learn's boosting write the margin of two classes as one score
    margin = classes == 2 and len(np.unique(call.attributes.integers("class_ids"))) == 1
    if base not in {0, classes} and not (base == 1 and margin):
        raise call.bad(f"attribute 'base_values' holds {base} numbers for {classes} classes")
