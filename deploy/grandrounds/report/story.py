"""What a report tells: a run's results, its rounds, and the direction of its lessons."""

from dataclasses import dataclass

from grandrounds.results import Results
from grandrounds_client.direction import Direction
from grandrounds_protocol.schema import Federation
from grandrounds_server.state import Record


@dataclass(frozen=True)
class Story:
    """All that the federation's report is written from; no row is among it.

    Attributes
    ----------
    results : Results
    federation : Federation
        With the rules that held.
    rounds : tuple of Record
        What the coordinator knows of each.
    directions : dict of str to Direction
        By student, over all sites that wrote and all rounds; none of a real run.
    simulated : bool
        Whether all sites were on one machine, so that more is known than a coordinator is told.
    """

    results: Results
    federation: Federation
    rounds: tuple[Record, ...]
    directions: dict[str, Direction]
    simulated: bool = True
