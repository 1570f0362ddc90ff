"""A real coordinator's runs: what the operator asked for, what drives them, what came of them.

::

    order       what the operator asked for, in a file that the ServerApp finds
    driving     begins a run or goes on with it, and keeps all it needs to go on again
    results     what a run came to, as far as a coordinator is told
    view        how a run stands, read from its journal
    follow      the journal as it grows, and how it ended
    screen      the same for people
    metrics     the same for Prometheus
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flwr.serverapp import Grid

__all__ = ["drive"]


def drive(folder: Path, grid: "Grid") -> None:
    """Run what was ordered in a coordinator's folder; see `driving.drive`."""
    from grandrounds.coordinating import driving  # noqa: PLC0415 (heavy: who looks needs it not)

    driving.drive(folder, grid)
