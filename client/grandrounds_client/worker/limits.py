"""How much a worker process may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerLimits:
    """Bounds on the process in which peers' models run.

    Attributes
    ----------
    memory : int
        Bytes of private memory, the process's own 0.3 GB included.
    start : float
        Seconds until it answers at all.
    seconds, per_row : float
        What one request may take: a fixed part and a part for each row. The slowest engine
        takes a twentieth of that for a row.
    models : int
        Models kept ready; the one not used for longest goes first, and is checked anew
        when it is asked again.
    """

    memory: int = 4 * 2**30
    start: float = 120.0
    seconds: float = 60.0
    per_row: float = 0.25
    models: int = 32

    def deadline(self, rows: int) -> float:
        """Seconds that a request about so many rows may take."""
        return self.seconds + self.per_row * rows
