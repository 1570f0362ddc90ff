"""Which arrays go with which request and answer, for both sides."""

from grandrounds_client.worker.memory import Spec
from grandrounds_client.worker.requests import Find, Load, Predict

FLOAT, LABEL, FLAG, BYTE, COLUMN = "float32", "int32", "bool", "uint8", "int64"


def sent(request: Load | Predict | Find) -> list[Spec]:
    """Arrays of a request."""
    match request:
        case Load(size=size):
            return [((size,), BYTE)]
        case Predict(rows=rows, width=width):
            return [((rows, width), FLOAT)]
        case Find(rows=rows, width=width):
            return [((rows, width), FLOAT), ((rows,), LABEL), ((width,), FLAG)]


def answered(request: Load | Predict | Find) -> list[Spec]:
    """Arrays of the answer, at their largest: a model reads at most all columns."""
    match request:
        case Load(width=width):
            return [((width,), COLUMN)]
        case Predict(rows=rows, classes=classes):
            return [((rows, classes), FLOAT)]
        case Find(rows=rows, width=width):
            return [((rows, width), FLOAT), *(((rows,), FLOAT),) * 3, ((rows,), FLAG)]
