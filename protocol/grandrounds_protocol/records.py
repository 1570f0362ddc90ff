"""What is said in each phase: the orders of the coordinator and the reports of a site.

A round is publish, distill, retrain, review, adopt. A student that found whose rows harmed
its candidate is asked the last three once more, in a second attempt. Orders and reports are
small and readable; models and virtual rows travel beside them as parcels (see `messages`).
"""

from typing import Annotated, Literal

from pydantic import FailFast, Field, model_validator

from grandrounds_protocol.gated import Gated, Range
from grandrounds_protocol.names import Label, SiteName
from grandrounds_protocol.record import Count, Record, Share
from grandrounds_protocol.schema import Rules

Phase = Literal["publish", "distill", "retrain", "review", "adopt"]
PHASES: tuple[Phase, ...] = ("publish", "distill", "retrain", "review", "adopt")
SECOND_ATTEMPT: tuple[Phase, ...] = ("retrain", "review", "adopt")
"""Phases that a second attempt goes through."""
HELLO = "hello"
"""Asked before the first round: which site is this? Answered with its name, as UTF-8."""
REFUSED = 1000
"""Flower error code of a site that could not even read the question."""
WHOLE = 1 << 20
"""Bytes of a message up to which it travels in one piece: each piece is a request of its own at
every hop."""

Taught = dict[SiteName, dict[SiteName, Count]]
"""Teacher to student to number of virtual rows."""


class Metrics(Record):
    """How well a model does on `n` rows; an undefined figure is null.

    Between sites figures have two digits, and `n` is where the range of the count begins.
    """

    accuracy: Share | None
    balanced_accuracy: Share | None
    auc: Share | None
    n: Count


class ModelCard(Record):
    """What everybody may know about a released model."""

    site: SiteName
    algorithm: Label
    features: Annotated[tuple[Label, ...], FailFast()] = Field(max_length=100_000)
    classes: Annotated[tuple[Label, ...], FailFast()] = Field(max_length=1000)
    validation: Metrics | None
    """Balanced accuracy and the rest on the owner's validation rows; null where there are none."""
    rows: Range
    """Bucket of the number of training rows."""


class PublishOrder(Record):
    """Train or load your model and release it."""

    phase: Literal["publish"] = "publish"
    schema_digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class PublishReport(Record):
    """The site's card; the model itself is a parcel for all peers."""

    phase: Literal["publish"] = "publish"
    card: ModelCard


class DistillOrder(Record):
    """Here are your peers' models: write lessons on your own rows."""

    phase: Literal["distill"] = "distill"


class DistillReport(Record):
    """How much was written; the rows themselves are one parcel per student."""

    phase: Literal["distill"] = "distill"
    taught: Taught
    """At least so many rows were written: where the range of the count begins. The exact
    counts, which tell of patients, stay in the site's own store."""
    gated: Gated | None = None
    """What the release gate did, in ranges; null where the rows are nobody's."""
    engines: dict[SiteName, str]
    """Engine used for each teacher."""
    converged: Share | None
    """Share of counterfactuals that met the target; null where none was written."""
    refused: dict[SiteName, str]
    """Peers whose model was refused, with the error's name."""


class RetrainOrder(Record):
    """Here is what was written for you: retrain a candidate."""

    phase: Literal["retrain"] = "retrain"


class RetrainReport(Record):
    """What arrived; the candidate, if any, is a parcel for all peers."""

    phase: Literal["retrain"] = "retrain"
    received: Count
    """At least so many rows came, own lessons included: where the range of the count begins."""
    refused: dict[SiteName, dict[str, Range]]
    """By sender and reason, the range of the rows (or whole parcels) refused: a row refused
    as known may be one that this site wrote about a patient of its own."""
    candidate: bool


class ReviewOrder(Record):
    """Here are your peers' candidates: score each on your validation rows."""

    phase: Literal["review"] = "review"


class Score(Record):
    """Balanced accuracy of a student's model before and with the lessons, rounded."""

    current: Share
    candidate: Share
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Of the reviewer (see `scores`); empty inside a site only."""


class ReviewReport(Record):
    """One score per candidate, or an abstention with its reason."""

    phase: Literal["review"] = "review"
    scores: dict[SiteName, Score]
    abstained: Literal["", "too few validation rows in a class"] = ""
    refused: dict[SiteName, str]
    """Students whose candidate was refused, with the error's name."""


class AdoptOrder(Record):
    """Here is what each reviewer said of your candidate: adopt it or roll back."""

    phase: Literal["adopt"] = "adopt"
    scores: dict[SiteName, Score]


class Verdict(Record):
    """What the reviewers' scores amount to."""

    gain: float | None = Field(allow_inf_nan=False)
    """Trimmed median of candidate minus current; null when nobody scored."""
    reviewers: Count
    adopt: bool


class AdoptReport(Record):
    """The outcome at this site; metrics are of its own held-out rows."""

    phase: Literal["adopt"] = "adopt"
    verdict: Verdict
    adopted: bool
    reason: Literal[
        "adopted",
        "no candidate",
        "teaches only",
        "nobody reviewed",
        "too few reviewers",
        "no gain",
        "vetoed by own rule",
        "harmed by a peer",
    ]
    quarantined: tuple[SiteName, ...] = ()
    """Peers whose rows this site uses no more in this run, found in this phase; no figures."""
    again: bool = False
    """Whether the site asks for its second attempt of this round."""
    virtual_rows: Count
    """At least so many virtual rows the site's model now stands on."""
    before: Metrics
    after: Metrics
    ensemble: Metrics
    refused: dict[SiteName, str] = Field(default_factory=dict)
    """Peers left out of the ensemble because their model failed here, with the error's name."""


Order = Annotated[
    PublishOrder | DistillOrder | RetrainOrder | ReviewOrder | AdoptOrder,
    Field(discriminator="phase"),
]
Report = Annotated[
    PublishReport | DistillReport | RetrainReport | ReviewReport | AdoptReport,
    Field(discriminator="phase"),
]


class Failure(Record):
    """Why a site could not answer: an error's name and its fixed sentence, never its details."""

    code: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")
    reason: str = Field(max_length=200)


class Heading(Record):
    """Which question this is; a site answers each (run, round, attempt, phase) once."""

    version: Literal[1] = 1
    run: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    round: int = Field(ge=1)
    attempt: Literal[1, 2] = 1
    phase: Phase
    site: SiteName
    """Who is asked, or who answers."""

    @model_validator(mode="after")
    def _one_attempt_at_lessons(self) -> "Heading":
        if self.attempt == 2 and self.phase not in SECOND_ATTEMPT:
            raise ValueError("a second attempt is of retrain, review and adopt only")
        return self


class InstructionBody(Record):
    """The readable part of an instruction."""

    heading: Heading
    sites: Annotated[tuple[SiteName, ...], FailFast()] = Field(min_length=1)
    """All members of the run; teacher indices refer to this order."""
    rules: Rules
    order: Order


class ReplyBody(Record):
    """The readable part of a reply: a report, or a failure."""

    heading: Heading
    report: Report | None = None
    failure: Failure | None = None
