"""The story of a simulation: its sites' own stores are at hand, and lie open."""

from collections.abc import Mapping

from grandrounds.report.story import Story
from grandrounds.results import Results
from grandrounds_client import state as kept
from grandrounds_client.direction import Direction, from_bytes
from grandrounds_client.site import Site
from grandrounds_client.state import State
from grandrounds_protocol.schema import Federation
from grandrounds_server.rounds import Finished
from grandrounds_server.state import Record


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
