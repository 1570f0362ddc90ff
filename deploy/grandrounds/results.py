"""`results.json`: what a run came to, in a shape that scripts rely on."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

from pydantic import BaseModel, ConfigDict

from grandrounds_protocol.envelope.core import LedgerHead
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.records import Metrics, Taught

PACKAGES = ("grandrounds", "flwr", "numpy", "onnxruntime", "scikit-learn", "torch", "pyswarms")
UNDEFINED = Metrics(accuracy=None, balanced_accuracy=None, auc=None, n=0)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Comparison(_Part):
    """The site's own model before and after, and its free rival: the mean of all first models."""

    before: Metrics = UNDEFINED
    after: Metrics = UNDEFINED
    ensemble: Metrics = UNDEFINED


class Gate(_Part):
    """What the release gate did with one site's lessons; a lesson is one row for one student."""

    written: int = 0
    released: int = 0
    pushed: int = 0
    """Of those released: moved away from patients first."""
    refused: dict[str, int] = {}
    """Lessons that stayed in the house, by reason."""
    closed: str = ""
    """Why nothing at all may leave; empty where the gate was open."""


class Privacy(_Part):
    """What the released rows tell, as far as one run can say; an undefined figure is null."""

    epsilon: float | None = None
    """Of the noisy releases that seeds were drawn from, summed: what the virtual rows tell of a
    training row is bound by it. Null where virtual rows began with real ones. It does not cover
    models, candidates, scores and figures."""
    noise: Literal["system", "simulated"] | None = None
    """Where the releases' noise came from. `simulated`: from the run's seed, so that epsilon is
    what real noise would have. Null where epsilon is."""
    budget: float | None = None
    """What site.toml allows in all; null for the run, and where epsilon is."""
    released: int | None = None
    """Virtual rows that left the house, each counted once, whoever got it."""
    exact_copies: int | None = None
    """Of these: equal to a training or validation row of their writer."""
    nearer_than_holdout_p05: float | None = None
    """Share nearer to a training row than 95 % of held-out rows are."""
    membership_auc: float | None = None
    """max(AUC, 1 - AUC) of telling training from held-out rows by what left: the best of three
    simple attacks."""


class SiteResult(_Part):
    """One site: `own` is on its held-out rows, `federation` on those of all sites."""

    learner: str
    rows: int
    own: Comparison
    federation: Comparison
    received: int
    adopted: int
    """Virtual rows its adopted model stands on; 0 where no candidate was adopted."""
    verdict: str = ""
    """On its last candidate: `adopted`, or why it was not; empty where it came to none."""
    quarantined: tuple[str, ...] = ()
    """Peers whose rows it uses no more, as they harmed a candidate."""
    reason: str
    """What kept the site from contributing or adopting; empty where nothing did."""
    patients: bool = True
    """As site.toml says; false is the only way around gate and owner's checks."""
    gate: Gate | None = None
    """Over all rounds; null where nothing had to pass it."""
    privacy: Privacy = Privacy()
    ledger: LedgerHead | None = None
    """How far its ledger had come when it last answered; null if it never did. As keys, serials
    and times are, it is another in every run."""


class Results(_Part):
    """Everything `simulate` reports."""

    federation: str
    recipe: str
    engine: str
    """What the rules asked for: `auto`, or the name of an engine."""
    seed: int
    rounds: int
    versions: dict[str, str]
    sites: dict[str, SiteResult]
    taught: Taught
    engines: dict[str, str]
    """The engine that wrote with each teacher's model; none where it taught nobody."""
    privacy: Privacy = Privacy()
    """Sums over sites; the AUC is the largest of a site with 20 released rows or more, and
    epsilon the largest of a site: a patient's row is at one."""
    seconds: dict[str, float]
    stopped: str = ""
    """Why the run ended early; empty where it did not."""

    def to_json(self) -> str:
        """Indented JSON with a final newline."""
        return self.model_dump_json(indent=2) + "\n"

    def write(self, folder: Path) -> Path:
        """Write `results.json` into `folder`, made if need be."""
        make_folder(folder)
        path = folder / "results.json"
        path.write_text(self.to_json(), encoding="utf-8")
        return path


def make_folder(folder: Path) -> None:
    """Make the folder for results, before any work is done for them.

    Raises
    ------
    BadInput
        If it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(
            f"cannot write results there: {error.strerror}",
            where=str(folder),
            remedy="give --out another folder",
        ) from None


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of what a result depends on."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
