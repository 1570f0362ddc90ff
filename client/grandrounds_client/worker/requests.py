"""What is said between a site and its worker: small records; arrays lie in shared memory.

Neither side sends code or pickles. The site computes every shape itself: nothing that the
worker says decides how much is read.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from grandrounds_protocol.schema import Feature

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Said = Annotated[str, Field(max_length=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Load(_Part):
    """Check this model and keep it ready. Array: its bytes, uint8 [size]."""

    kind: Literal["load"] = "load"
    model: Digest
    size: Count
    name: str
    algorithm: str
    width: Count
    classes: Count


class Predict(_Part):
    """Array: rows, float32 [rows, width]. Answered with float32 [rows, classes]."""

    kind: Literal["predict"] = "predict"
    model: Digest
    rows: Count
    width: Count
    classes: Count


class Find(_Part):
    """Write counterfactuals.

    Arrays: seeds float32 [rows, width], labels int32 [rows], movable bool [width]. Answered
    with x float32 [rows, width], gap, distance and lambda float32 [rows], converged bool [rows].
    """

    kind: Literal["find"] = "find"
    model: Digest
    rows: Count
    width: Count
    classes: Count
    generator: dict[str, Any]
    """State of the generator to draw from, so that results are those of this process."""
    alpha: float
    epsilon: float
    engine: str
    fallback: bool
    margin: float
    features: tuple[Feature, ...] | None
    """Where given, rows are put back to valid values of these features."""


Request = Annotated[Load | Predict | Find, Field(discriminator="kind")]


class Envelope(_Part):
    """A request, and the seconds after which the worker is to end itself."""

    request: Request
    seconds: Annotated[float, Field(gt=0)]


class Loaded(_Part):
    """The model is sound. Array: columns it reads, int64 [columns]."""

    kind: Literal["loaded"] = "loaded"
    columns: Count


class Done(_Part):
    """The arrays are there."""

    kind: Literal["done"] = "done"
    engine: Said = ""


class Unknown(_Part):
    """The model is not, or no longer, ready: load it."""

    kind: Literal["unknown"] = "unknown"


class Failed(_Part):
    """A model was refused, or failed; `error` is the name of an error of the protocol."""

    kind: Literal["failed"] = "failed"
    error: Literal["BadModel", "ModelTooLarge", "BadInput"]
    problem: Said
    where: Said = ""


class Ready(_Part):
    """The worker has started."""

    kind: Literal["ready"] = "ready"


Answer = Annotated[Loaded | Done | Unknown | Failed | Ready, Field(discriminator="kind")]


class Reply(_Part):
    """An answer, in a record of its own so that it is parsed like a request."""

    answer: Answer
