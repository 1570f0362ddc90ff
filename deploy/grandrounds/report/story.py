"""What a report tells: a run's results, its rounds, and the direction of its lessons."""

from collections.abc import Mapping
from dataclasses import dataclass

from grandrounds.results import Results
from grandrounds_client import state as kept
from grandrounds_client.direction import Direction, from_bytes
from grandrounds_client.site import Site
from grandrounds_client.state import State
from grandrounds_protocol.schema import Federation
from grandrounds_server.rounds import Finished
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


def tell(
    results: Results, federation: Federation, finished: Finished, sites: Mapping[str, Site]
) -> Story:
    """Gather a run's story after its last round."""
    states = [State(site.store, finished.plan.run) for site in sites.values()]
    found = _directions(states, finished.rounds)
    directions = {student: found[student] for student in sites if student in found}
    return Story(results, federation, finished.rounds, directions)


def _directions(states: list[State], rounds: tuple[Record, ...]) -> dict[str, Direction]:
    """Sum up over writers: a single site's sums stay in its own store."""
    found: dict[str, Direction] = {}
    for state in states:
        for number in sorted({record.number for record in rounds}):
            for student, direction in _of_round(state, number).items():
                found[student] = found[student] + direction if student in found else direction
    return found


def _of_round(state: State, number: int) -> dict[str, Direction]:
    data = state.get(kept.directions(number))
    return {} if data is None else from_bytes(data)
