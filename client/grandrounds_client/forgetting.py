"""What a site forgets, so that its store does not grow by every round and run for ever.

Replies of rounds that are over: nobody goes on with a round once a later one began, and sealed
payloads are most of a store. And all of runs that began long ago: what left in them stands in
the ledger.
"""

import json
from collections.abc import Mapping

from grandrounds_protocol.records import Heading

RUNS = ".runs"
"""Where runs stand, as JSON, in the order in which they began. No run has such a name."""
KEPT = 8
"""Runs kept: one that was broken off can go on after seven others began."""


def with_run(store: Mapping[str, bytes], run: str) -> dict[str, bytes]:
    """Return the change that notes a run, where it is new."""
    known = _runs(store)
    if run in known:
        return {}
    # one more than are kept: what is forgotten for it stays noted until it is gone
    return {RUNS: json.dumps([*known[-KEPT:], run]).encode()}


def outlived(store: Mapping[str, bytes], heading: Heading) -> list[str]:
    """Return the keys to forget once the question of this heading was answered."""
    past = _runs(store)[:-KEPT]
    found = []
    for key in store:
        run, _, name = key.partition("/")
        if run in past or _is_over(run, name, heading):
            found.append(key)
    return found


def _is_over(run: str, name: str, heading: Heading) -> bool:
    what, _, rest = name.partition("/")
    return run == heading.run and what == "reply" and int(rest.partition("/")[0]) < heading.round


def _runs(store: Mapping[str, bytes]) -> list[str]:
    return list(json.loads(store[RUNS])) if RUNS in store else []
