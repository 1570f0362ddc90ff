"""The operators that are accepted, each with the rule that foresees what it makes.

What is not listed is refused. Missing on purpose: whatever holds a subgraph (If, Loop,
Scan), allocates by a number in the data (ConstantOfShape, Expand, Tile, Range, Resize),
draws random numbers, reads the number of rows (Shape), or keeps training rows
(SVMClassifier, k-nearest neighbours).
"""

from collections.abc import Callable
from dataclasses import dataclass

from grandrounds_client.vetting import elementwise, image, layout, linear
from grandrounds_client.vetting.ensemble import tree_ensemble
from grandrounds_client.vetting.values import Call, Value

Rule = Callable[[Call], Value | tuple[Value, Value]]


@dataclass(frozen=True)
class Operator:
    """A rule, and the attributes that it has looked at."""

    rule: Rule
    attributes: frozenset[str]


_WINDOW = "kernel_shape strides pads dilations auto_pad"
_TREES = (
    "base_values class_ids class_nodeids class_treeids class_weights classlabels_int64s"
    " classlabels_strings nodes_falsenodeids nodes_featureids nodes_hitrates"
    " nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids"
    " nodes_truenodeids nodes_values post_transform"
)
_LINEAR = "classlabels_ints classlabels_strings coefficients intercepts multi_class post_transform"
_REDUCE = "axes keepdims noop_with_empty_axes"

_STANDARD: dict[str, tuple[Rule, str]] = {
    "Constant": (layout.constant, "value"),
    "Identity": (elementwise.identity, ""),
    "Cast": (elementwise.cast, "to saturate"),
    "Clip": (elementwise.clip, ""),
    "PRelu": (elementwise.slope, ""),
    "LeakyRelu": (elementwise.same, "alpha"),
    "Elu": (elementwise.same, "alpha"),
    "Celu": (elementwise.same, "alpha"),
    "Selu": (elementwise.same, "alpha gamma"),
    "HardSigmoid": (elementwise.same, "alpha beta"),
    "Gelu": (elementwise.same, "approximate"),
    "Softmax": (elementwise.softmax, "axis"),
    "LogSoftmax": (elementwise.softmax, "axis"),
    "Reshape": (layout.reshape, "allowzero"),
    "Flatten": (layout.flatten, "axis"),
    "Concat": (layout.concat, "axis"),
    "Gather": (layout.gather, "axis"),
    "Slice": (layout.cut, ""),
    "Squeeze": (layout.squeeze, ""),
    "Unsqueeze": (layout.unsqueeze, ""),
    "Transpose": (layout.transpose, "perm"),
    "MatMul": (linear.matmul, ""),
    "Gemm": (linear.gemm, "alpha beta transA transB"),
    "ArgMax": (linear.argmax, "axis keepdims select_last_index"),
    "ArgMin": (linear.argmax, "axis keepdims select_last_index"),
    "BatchNormalization": (linear.batch_normalization, "epsilon momentum training_mode"),
    "Conv": (image.conv, f"{_WINDOW} group"),
    "MaxPool": (image.pool, f"{_WINDOW} ceil_mode storage_order"),
    "AveragePool": (image.pool, f"{_WINDOW} ceil_mode count_include_pad"),
    "GlobalAveragePool": (image.global_pool, ""),
    "GlobalMaxPool": (image.global_pool, ""),
}
_UNARY = "Relu Sigmoid Tanh Softplus Softsign Exp Log Sqrt Cos Sin Abs Neg Reciprocal Erf"
_BROADCAST = "Add Sub Mul Div Pow Min Max Sum Mean"
_REDUCTIONS = (
    "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum"
    " ReduceLogSumExp ReduceSumSquare"
)
_STANDARD |= dict.fromkeys(_UNARY.split(), (elementwise.same, ""))
_STANDARD |= dict.fromkeys(_BROADCAST.split(), (elementwise.arithmetic, ""))
_STANDARD |= dict.fromkeys(_REDUCTIONS.split(), (linear.reduction, _REDUCE))
_MACHINE_LEARNING: dict[str, tuple[Rule, str]] = {
    "TreeEnsembleClassifier": (tree_ensemble, _TREES),
    "LinearClassifier": (linear.linear_classifier, _LINEAR),
    "Normalizer": (elementwise.normalizer, "norm"),
    "Scaler": (elementwise.scaler, "offset scale"),
    "ArrayFeatureExtractor": (layout.select_columns, ""),
}

OPERATORS: dict[tuple[str, str], Operator] = {
    (domain, name): Operator(rule, frozenset(attributes.split()))
    for domain, operators in (("", _STANDARD), ("ai.onnx.ml", _MACHINE_LEARNING))
    for name, (rule, attributes) in operators.items()
}
"""By domain and name."""
