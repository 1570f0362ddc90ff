"""Figures that need every site's held-out rows: only a simulation can compute them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

import numpy as np

from grandrounds.results import Comparison
from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities
from grandrounds_client.ensemble import mean_probability
from grandrounds_client.metrics import evaluate
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.site import Site, split_rows
from grandrounds_client.split import Examples
from grandrounds_client.state import State
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.schema import Rules


def on_all_held_out(sites: Mapping[str, Site], run: str, rules: Rules) -> dict[str, Comparison]:
    """Compare each site's models on the pooled held-out rows of all sites."""
    pooled = _pool([split_rows(site, rules).held_out for site in sites.values()])
    return {name: _compare(site, State(site.store, run), pooled) for name, site in sites.items()}


def _pool(parts: list[Examples]) -> Examples:
    return Examples(
        np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
    )


def _compare(site: Site, state: State, rows: Examples) -> Comparison:
    first, current = state.get(kept.FIRST), state.get(kept.CURRENT)
    if first is None or current is None:
        return Comparison()
    own = teacher_of(site, first, site.name).predict_proba(rows.x)
    return Comparison(
        before=evaluate(own, rows.y),
        after=evaluate(teacher_of(site, current, site.name).predict_proba(rows.x), rows.y),
        ensemble=evaluate(mean_probability([own, *_peers(site, state, rows)]), rows.y),
    )


def _peers(site: Site, state: State, rows: Examples) -> Iterator[Probabilities]:
    """What the peers' first models say; one that fails on these rows is left out."""
    for key in state.names(kept.peer_first("")):
        name = key.removeprefix(kept.peer_first(""))
        with suppress(BadModel):
            yield teacher_of(site, state.need(key), name).predict_proba(rows.x)
