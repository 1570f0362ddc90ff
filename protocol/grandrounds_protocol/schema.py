"""What a federation agrees on in advance: features, classes, rules.

Bounds are agreed, never learned: a minimum taken from data is a leak.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from grandrounds_protocol.names import Label, canonical
from grandrounds_protocol.settings import Settings


def _spell(values: Sequence[Any]) -> tuple[str, ...]:
    spelled = tuple(canonical(value) for value in values)
    if len(set(spelled)) != len(spelled):
        raise ValueError("values must differ from each other")
    return spelled


class Continuous(Settings):
    """A number with public bounds; encoded as one column, (value - low) / (high - low)."""

    kind: Literal["continuous"] = "continuous"
    name: Label
    low: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)
    unit: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> "Continuous":
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return 1


class Ordinal(Settings):
    """Ordered levels; encoded as one column, evenly spaced from 0 to 1."""

    kind: Literal["ordinal"]
    name: Label
    levels: tuple[str, ...] = Field(min_length=2, max_length=1000)

    @field_validator("levels", mode="before")
    @classmethod
    def _canonical(cls, values: list[Any]) -> tuple[str, ...]:
        return _spell(values)

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return 1


class Categorical(Settings):
    """Unordered categories; encoded one-hot, one column each."""

    kind: Literal["categorical"]
    name: Label
    categories: tuple[str, ...] = Field(min_length=2, max_length=1000)

    @field_validator("categories", mode="before")
    @classmethod
    def _canonical(cls, values: list[Any]) -> tuple[str, ...]:
        return _spell(values)

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.categories)


class Image(Settings):
    """A picture; encoded as one column per pixel and channel, value / high, row by row."""

    kind: Literal["image"]
    name: Label
    shape: tuple[int, int, int]
    """Height, width, channels; two numbers mean one channel."""
    high: float = Field(default=255, gt=0, allow_inf_nan=False)
    """The brightest value."""
    move: float = Field(default=0.5, gt=0, le=1)
    """Share of the pixels that counterfactuals may move: those that vary most within the
    class on the site's own rows (CKD, experiment 5)."""

    @field_validator("shape", mode="before")
    @classmethod
    def _with_channels(cls, shape: Any) -> Any:
        return [*shape, 1] if isinstance(shape, list | tuple) and len(shape) == 2 else shape

    @field_validator("shape")
    @classmethod
    def _bounded(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(shape) < 1 or math.prod(shape) > 1_000_000:
            raise ValueError("each side must be at least 1, and all pixels at most a million")
        return shape

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return math.prod(self.shape)


Feature = Annotated[Continuous | Ordinal | Categorical | Image, Field(discriminator="kind")]


CHOSEN_FOR_A_RUN = ("rounds", "recipe", "engine", "seed")
"""Rules that the operator may choose for each run; sites accept the others for all runs."""


class Rules(Settings):
    """The rules of a run. Shares are 0..1."""

    recipe: str = "private"
    rounds: int = Field(default=1, ge=1, le=1000)
    seed: int = Field(default=0, ge=0, lt=2**63)
    engine: str = "auto"
    """Which counterfactual engine; `auto` lets each teacher's graph decide."""
    alpha: float = Field(default=0.5, gt=0, le=1)
    """How far the target moves from f(x) towards certainty (CKD, target)."""
    epsilon: float = Field(default=0.05, gt=0, le=1)
    """Largest |f(x') - y'| that counts as converged."""
    peers_per_round: int = Field(default=0, ge=0)
    """How many others each site meets in a round, drawn as `peers` says; 0 is all of them."""
    min_sites: int = Field(default=2, ge=2)
    """Below this many contributing sites a round stops."""
    validation: float = Field(default=0.2, gt=0, lt=1)
    held_out: float = Field(default=0.3, gt=0, lt=1)
    review_min_rows: int = Field(default=5, ge=1)
    """A site with fewer validation rows in one of its classes abstains from review."""
    review_max: int = Field(default=20, ge=1)
    """q: candidates of one peer that a site scores in a run; each score tells a little of its
    validation rows."""
    cover_radius: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Virtual rows for one student and class within this Manhattan distance of a kept one are
    left out (geometric set cover); 0 keeps all."""
    quota: int = Field(default=1000, ge=1)
    """Most virtual rows that a site sends, or lets in, of one teacher for one student and round."""
    privacy_epsilon: float = Field(default=3.0, ge=0.01, le=1000, allow_inf_nan=False)
    """Of recipes on drawn seeds: epsilon of the one noisy release that a site draws from."""
    seeds: int = Field(default=400, ge=1, le=1_000_000)
    """Of the same: rows that a site draws in a round, and no more than `quota`."""
    sure: float = Field(default=0.6, gt=0, le=1)
    """Of the same: mean probability of all models from which on a drawn row has their label."""
    min_rows: int = Field(default=10, ge=1)
    """k: fewest of a site's own rows that a leaf or a class's mean in its model may speak of."""

    @field_validator("peers_per_round")
    @classmethod
    def _enough_to_review(cls, peers: int) -> int:
        if peers == 1:
            # two peers and the site itself: the fewest scores that no single liar decides
            raise ValueError("0 for all others, or at least 2")
        return peers

    @model_validator(mode="after")
    def _rows_left_to_train(self) -> "Rules":
        if self.validation + self.held_out >= 1:
            raise ValueError("validation + held_out must be below 1, or no row is left to train on")
        return self


class Federation(Settings):
    """`federation.toml`: what all members agree on."""

    name: Label
    label: Label
    """Column that holds the class."""
    classes: dict[Label, tuple[str, ...]] = Field(min_length=2, max_length=1000)
    """Class names in order, each with the label values that mean it."""
    features: tuple[Feature, ...] = Field(min_length=1, max_length=100_000)
    rules: Rules = Rules()

    @field_validator("classes", mode="before")
    @classmethod
    def _plain_list(cls, classes: Any) -> Any:
        if isinstance(classes, list):
            _spell(classes)
            return {str(name): (canonical(name),) for name in classes}
        if isinstance(classes, dict):
            return {
                name: _spell(values if isinstance(values, list | tuple) else [values])
                for name, values in classes.items()
            }
        return classes

    @model_validator(mode="after")
    def _unambiguous(self) -> "Federation":
        values = [value for means in self.classes.values() for value in means]
        if len(set(values)) != len(values):
            raise ValueError("a label value may mean one class only")
        names = [feature.name for feature in self.features]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"feature named twice: {', '.join(doubled)}")
        if self.label in names:
            raise ValueError(f"the label column {self.label!r} may not be a feature")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names, in the order of the probability columns."""
        return tuple(self.classes)

    def class_of(self) -> dict[str, int]:
        """Return the map from label value to class index."""
        return {
            value: index for index, means in enumerate(self.classes.values()) for value in means
        }

    def digest(self) -> str:
        """SHA-256 (hex) of what the sides must mean alike: classes and features, in order."""
        shape = self.model_dump(mode="json", include={"name", "label", "features"})
        shape["classes"] = list(self.classes.items())
        text = json.dumps(shape, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
