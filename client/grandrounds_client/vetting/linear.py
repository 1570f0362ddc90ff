"""Rules of products, reductions and the linear classifier."""

from math import prod

from onnx import TensorProto

from grandrounds_client.vetting.elementwise import broadcast
from grandrounds_client.vetting.values import Call, Shape, Value


def matmul(call: Call) -> Value:
    """Matrix product of the last two axes; contracting over the rows shows in the shape."""
    a, b = call.floating(0), call.floating(1)
    if len(a.shape) < 2 or len(b.shape) < 2 or a.shape[-1] != b.shape[-2] or a.dtype != b.dtype:
        raise call.bad("matrices that do not fit together")
    if b.has_rows and len(b.shape) == 2:
        raise call.bad("the operator runs over the rows", "each row must stand alone")
    batch = broadcast(call, a.shape[:-2], b.shape[:-2])
    return _product(call, (*batch, a.shape[-2], b.shape[-1]), a.shape[-1], a.dtype)


def gemm(call: Call) -> Value:
    """Matrix product plus a summand, A B + C; only A, not transposed, and C may have rows."""
    a, b = call.floating(0), call.fixed(1, rank=2)
    shape_a = a.shape[::-1] if call.attributes.integer("transA", 0) else a.shape
    shape_b = b.shape[::-1] if call.attributes.integer("transB", 0) else b.shape
    if len(shape_a) != 2 or shape_a[1] != shape_b[0] or a.dtype != b.dtype:
        raise call.bad("matrices that do not fit together")
    shape = (shape_a[0], shape_b[1])
    if call.given(2) is not None and broadcast(call, shape, call.floating(2).shape) != shape:
        raise call.bad("a summand that is larger than the product")
    return _product(call, shape, shape_a[1], a.dtype)


def _product(call: Call, shape: Shape, inner: int, dtype: int) -> Value:
    value = Value(shape, dtype)
    if value.elements > call.limits.work:
        raise call.bad("a product that is too large")
    return Value(shape, dtype, work=value.elements * inner)


def reduction(call: Call) -> Value:
    """Sum, mean, maximum and the like along axes that are not the rows'."""
    x = call.floating(0)
    axes = call.axes(x, 1)
    if not axes:
        raise call.bad("the axes to reduce are not named")
    return Value(_reduced(call, x, axes), x.dtype, work=x.elements)


def argmax(call: Call) -> Value:
    """Position of an extreme along one axis that is not the rows'."""
    x = call.floating(0)
    axis = call.axis(x, call.attributes.integer("axis", 0))
    return Value(_reduced(call, x, [axis]), TensorProto.INT64, work=x.elements)


def _reduced(call: Call, x: Value, axes: list[int]) -> Shape:
    keep = call.attributes.integer("keepdims", 1) != 0
    dims = [1 if at in axes else dim for at, dim in enumerate(x.shape)]
    return tuple(dim for at, dim in enumerate(dims) if keep or at not in axes)


def linear_classifier(call: Call) -> tuple[Value, Value]:
    """[N, d] to labels [N] and scores [N, C]."""
    x = call.floating(0)
    if len(x.shape) != 2:
        raise call.bad("an input that is not [N, d]")
    outputs = len(call.attributes.numbers("intercepts"))
    labels = classifier_labels(call, "classlabels_ints")
    if outputs != labels.shape[1]:
        raise call.bad(f"attribute 'intercepts' holds {outputs} numbers, one per class is accepted")
    if len(call.attributes.numbers("coefficients")) != outputs * x.shape[1]:
        raise call.bad("attribute 'coefficients' does not hold one number per class and column")
    check_post_transform(call)
    scores = Value((x.shape[0], outputs), TensorProto.FLOAT, work=outputs * x.shape[1])
    return Value((x.shape[0],), labels.dtype), scores


def classifier_labels(call: Call, integers: str) -> Value:
    """Return [1, C] of the labels' type, or refuse where they are not named once."""
    numbers, texts = (
        call.attributes.integers(integers),
        call.attributes.texts("classlabels_strings"),
    )
    if bool(len(numbers)) == bool(texts) or len(numbers) + len(texts) < 2:
        raise call.bad("class labels must be named once, two or more")
    dtype = TensorProto.INT64 if len(numbers) else TensorProto.STRING
    return Value((1, len(numbers) + len(texts)), dtype)


def check_post_transform(call: Call) -> None:
    """Refuse transforms that do not make probabilities."""
    transform = call.attributes.text("post_transform", "NONE")
    if transform not in {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"}:
        raise call.bad("attribute 'post_transform' is not accepted")


def batch_normalization(call: Call) -> Value:
    """Scale each channel of [N, c, ...] by stored numbers."""
    x = call.floating(0)
    if call.attributes.integer("training_mode", 0) != 0:
        raise call.bad("training mode runs over the rows", "export the model for inference")
    channels = x.shape[1:2]
    if any(call.fixed(index, rank=1).shape != channels for index in range(1, 5)):
        raise call.bad("one number per channel is needed")
    return Value(x.shape, x.dtype, work=prod(x.shape[1:]))
