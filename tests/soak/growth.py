"""Whether what was watched grows: once for each round, by a fit that odd rounds do not move."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scipy.stats import theilslopes

Line = Mapping[str, Any]
"""A look, as the record has it."""

WARM = 2
"""Rounds at the start that do not count: caches fill, modules are imported."""
AHEAD = 1000
"""Rounds that the fit is extended by."""
MIB, KIB = 1 << 20, 1 << 10
MEMORY = 100 * MIB
"""Bytes that a process may gain in so many rounds."""
DISK = 64 * MIB
"""Bytes that a folder may gain besides what it keeps of each round by design."""
COUNT = 200
"""Descriptors, threads or files, likewise: a fifth of one in a round."""
DESIGN: Mapping[str, tuple[int, int]] = {
    "run database": (64 * KIB, 0),
    "ledger": (12 * KIB, 0),
    "store": (48 * KIB, 0),
    "log": (4 * KIB, 0),
}
"""At most how many bytes and files a folder keeps of each round, for ever, with four sites."""


@dataclass(frozen=True)
class Series:
    """One figure of one process or folder, once for each round that counts.

    Attributes
    ----------
    name : str
        `who/part`.
    figure : str
        `memory` or `disk` in bytes, or a number of things.
    rounds, values : sequence
    design : float
        What it gains in a round by design.
    bound : float
        What it may gain besides, in `AHEAD` rounds.
    """

    name: str
    figure: str
    rounds: Sequence[int]
    values: Sequence[float]
    design: float
    bound: float

    @property
    def slope(self) -> float:
        """What it gains in a round: the median over all pairs of rounds (Theil-Sen)."""
        return float(theilslopes(self.values, self.rounds)[0])

    @property
    def thirds(self) -> tuple[float, float, float]:
        """The most in the first, the middle and the last third of the rounds.

        The most, since what is tidied up now and then goes up and down.
        """
        third = len(self.values) // 3
        parts = (self.values[:third], self.values[third:-third], self.values[-third:])
        first, middle, last = (max(part) for part in parts)
        return first, middle, last

    @property
    def grows(self) -> bool:
        """Whether it would exceed the bound by the fit, and also by what it gained of late."""
        _, middle, last = self.thirds
        late = (last - middle) / (len(self.values) // 3)
        return AHEAD * (min(self.slope, late) - self.design) > self.bound


def series(lines: Sequence[Line]) -> Iterator[Series]:
    """Give every figure that is judged."""
    rounds = sorted({line["round"] for line in lines if line["round"] > WARM})
    lasting = [name for name in lines[-1]["processes"] if not is_short_lived(name)]
    for name in lasting:
        for figure, key, bound in (
            ("memory", "anonymous", MEMORY),
            ("descriptors", "descriptors", COUNT),
            ("threads", "threads", COUNT),
        ):
            values = [median(of_round(lines, at, "processes", name, key)) for at in rounds]
            yield Series(name, figure, rounds, values, 0, bound)
    for name in lines[-1]["folders"]:
        design = DESIGN.get(name.partition("/")[2], (0, 0))
        for figure, key, each, bound in (
            ("disk", "bytes", design[0], DISK),
            ("files", "files", design[1], COUNT),
        ):
            values = [median(of_round(lines, at, "folders", name, key)) for at in rounds]
            yield Series(name, figure, rounds, values, each, bound)


def is_short_lived(name: str) -> bool:
    """Whether a part's processes end with each message: how many run is chance."""
    return name.endswith("/app") and not name.startswith("coordinator/")


def of_round(lines: Sequence[Line], number: int, kind: str, name: str, key: str) -> list[float]:
    """Return a figure at each look in a round."""
    looks = (line[kind] for line in lines if line["round"] == number)
    return [look[name][key] for look in looks if name in look]
