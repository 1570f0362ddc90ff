"""What the command says, as records; `--json` prints them as they are."""

import json
from dataclasses import asdict, dataclass, replace

from grandrounds.bench.quality import Quality

LOOP, CLIPPED = "authors' loop", "clipped Adam"


@dataclass(frozen=True)
class Row:
    """One method on one workload.

    Attributes
    ----------
    auto : bool
        Whether it is the engine that the product takes for this teacher.
    ms, low, high : float
        Median and quartiles of the milliseconds per counterfactual: over the pairs of a
        loop, over repetitions of an engine, which takes all its pairs together.
    answers, gradients : float or None
        Rows asked of the teacher per counterfactual; None where they were not counted.
    floor : float or None
        Milliseconds that these take by themselves.
    quality : Quality
        Over all pairs that the method got.
    same : list of Quality
        Over the first few pairs only, which slower methods got too: like with like.
    faster, than_clipped : float or None
        How many times faster than the authors' loop, and than clipped Adam.
    """

    method: str
    auto: bool
    ms: float
    low: float
    high: float
    answers: float | None
    gradients: float | None
    floor: float | None
    quality: Quality
    same: list[Quality]
    faster: float | None = None
    than_clipped: float | None = None


def beside(rows: list[Row]) -> list[Row]:
    """Fill in how many times faster each row is than the two loops, where they ran."""
    ms = {row.method: row.ms for row in rows}
    loop, clipped = ms.get(LOOP), ms.get(CLIPPED)
    return [
        replace(
            row,
            faster=None if loop is None else loop / row.ms,
            than_clipped=None if clipped is None else clipped / row.ms,
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Measured:
    """All methods on one workload."""

    name: str
    says: str
    pairs: int
    rows: list[Row]


@dataclass(frozen=True)
class Report:
    """The whole."""

    seed: int
    alpha: float
    epsilon: float
    objective_lambda: float
    threads: int
    cpu: str
    versions: dict[str, str]
    seconds: float
    workloads: list[Measured]

    def to_json(self) -> str:
        """Indented JSON with a final newline."""
        return json.dumps(asdict(self), indent=2) + "\n"
