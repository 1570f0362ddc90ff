"""ONNX operators as torch functions: what `torch_view` can differentiate.

Each function follows the operator's specification; one that is asked for a rare option
that it does not follow raises `NotCovered`. Operators without a useful gradient (trees,
ArgMax, casts to whole numbers) are left out.
"""

import torch
from torch.nn import functional

from grandrounds_client.torch_operators import elementwise, image, layout, linear
from grandrounds_client.torch_operators.covered import Function, Inputs, NotCovered
from grandrounds_client.torch_operators.elementwise import fold, unary
from grandrounds_client.torch_operators.linear import reduction

FUNCTIONS: dict[str, Function] = {
    "Identity": unary(lambda x: x),
    "Relu": unary(functional.relu),
    "LeakyRelu": elementwise.leaky_relu,
    "Elu": elementwise.elu,
    "Celu": elementwise.celu,
    "Selu": elementwise.selu,
    "HardSigmoid": elementwise.hard_sigmoid,
    "Gelu": elementwise.gelu,
    "PRelu": elementwise.prelu,
    "Sigmoid": unary(torch.sigmoid),
    "Tanh": unary(torch.tanh),
    "Softplus": unary(functional.softplus),
    "Softsign": unary(functional.softsign),
    "Exp": unary(torch.exp),
    "Log": unary(torch.log),
    "Sqrt": unary(torch.sqrt),
    "Cos": unary(torch.cos),
    "Sin": unary(torch.sin),
    "Abs": unary(torch.abs),
    "Neg": unary(torch.neg),
    "Reciprocal": unary(torch.reciprocal),
    "Erf": unary(torch.erf),
    "Add": fold(torch.add),
    "Sub": fold(torch.sub),
    "Mul": fold(torch.mul),
    "Div": fold(torch.div),
    "Pow": fold(torch.pow),
    "Min": fold(torch.minimum),
    "Max": fold(torch.maximum),
    "Sum": fold(torch.add),
    "Mean": elementwise.mean,
    "Clip": elementwise.clip,
    "Cast": elementwise.cast,
    "Softmax": elementwise.softmax,
    "LogSoftmax": elementwise.log_softmax,
    "Reshape": layout.reshape,
    "Flatten": layout.flatten,
    "Concat": layout.concat,
    "Gather": layout.gather,
    "ArrayFeatureExtractor": layout.select_columns,
    "Slice": layout.cut,
    "Squeeze": layout.squeeze,
    "Unsqueeze": layout.unsqueeze,
    "Transpose": layout.transpose,
    "MatMul": fold(torch.matmul),
    "Gemm": linear.gemm,
    "ReduceSum": reduction(lambda x, along, keep: x.sum(along, keepdim=keep)),
    "ReduceMean": reduction(lambda x, along, keep: x.mean(along, keepdim=keep)),
    "ReduceMax": reduction(lambda x, along, keep: x.amax(along, keepdim=keep)),
    "ReduceMin": reduction(lambda x, along, keep: x.amin(along, keepdim=keep)),
    "ReduceL1": reduction(linear.sum_abs),
    "ReduceL2": reduction(linear.norm),
    "ReduceSumSquare": reduction(linear.sum_square),
    "ReduceLogSum": reduction(linear.log_sum),
    "ReduceLogSumExp": reduction(lambda x, along, keep: x.logsumexp(along, keepdim=keep)),
    "LinearClassifier": linear.linear_classifier,
    "Normalizer": linear.normalizer,
    "Scaler": linear.scaler,
    "Conv": image.conv,
    "MaxPool": image.max_pool,
    "AveragePool": image.average_pool,
    "GlobalAveragePool": image.global_average_pool,
    "GlobalMaxPool": image.global_max_pool,
    "BatchNormalization": image.batch_normalization,
}
"""By name."""

__all__ = ["FUNCTIONS", "Function", "Inputs", "NotCovered"]
