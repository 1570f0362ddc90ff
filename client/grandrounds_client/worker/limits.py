"""How much a worker process may take."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["load", "predict", "find"]


@dataclass(frozen=True)
class WorkerLimits:
    """Bounds on the process in which peers' models run.

    A model that never answers shows it at its first question, which asks for predictions
    and has little time for a row. One that waits for the search costs `longest` at most.

    Attributes
    ----------
    memory : int
        Bytes of private memory, the process's own 0.3 GB included.
    start : float
        Seconds until it answers at all.
    seconds : float
        What any request may take, and the whole of what opening a model may.
    per_prediction, per_search : float
        What a row adds. The slowest engine, Adam on a convolutional net of 28 x 28 pixels,
        took 34 ms to write a row; nine tenths of the largest convolution that the checks
        allow took 1.6 ms to predict one.
    longest : float
        The most that any request may take: 20,000 rows of the slowest engine take 680 s.
    models : int
        Models kept ready; the one not used for longest goes first, and is checked anew
        when it is asked again.
    """

    memory: int = 4 * 2**30
    start: float = 120.0
    seconds: float = 60.0
    per_prediction: float = 0.02
    per_search: float = 0.1
    longest: float = 900.0
    models: int = 32

    def deadline(self, kind: Kind, rows: int) -> float:
        """Seconds that a request about so many rows may take."""
        per_row = {"load": 0.0, "predict": self.per_prediction, "find": self.per_search}
        return min(self.seconds + per_row[kind] * rows, self.longest)
