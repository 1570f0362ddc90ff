"""The privacy block of `results.json`, for each site and for the run."""

from collections.abc import Mapping
from dataclasses import replace

from grandrounds.privacy import departed
from grandrounds.privacy.membership import (
    auc,
    by_distance,
    by_distance_in_class,
    by_equal_numbers,
    fold,
)
from grandrounds.privacy.nearness import nearness, numbers, own_columns
from grandrounds.privacy.parts import NEITHER, TRAINED, membership
from grandrounds.results import Privacy
from grandrounds_client.private import spent
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.instances import VirtualInstances
from grandrounds_protocol.schema import Rules

LEAST = 20
"""Released rows below which a site's AUC does not speak for the run: it is mostly chance."""


def of_site(site: Site, run: str, rules: Rules) -> Privacy:
    """Measure what one site released in a finished run.

    A site that released nothing, its gate being closed or its work having failed, has
    counts of 0 and no shares.
    """
    released = departed.rows(site, run)
    found = nearness(site, split_rows(site, rules), released)
    epsilon = spent(site.store) or None  # of a simulation, which begins with nothing spent
    return Privacy(
        epsilon=epsilon,
        noise="simulated" if epsilon else None,
        budget=site.settings.privacy.budget if epsilon else None,
        released=found.released,
        exact_copies=found.exact_copies,
        nearer_than_holdout_p05=found.near,
        membership_auc=_membership_auc(site, rules, released) if len(released) else None,
    )


def of_run(sites: Mapping[str, Privacy]) -> Privacy:
    """Sum up over sites: counts and shares over all released rows, largest AUC and epsilon.

    A row is at one site, so what is told of it has the epsilon of that site; the run has
    none if a site released rows without one.
    """
    parts = list(sites.values())
    # a release costs what it costs, also where no row came of it
    spending = [part.epsilon for part in parts if part.released or part.epsilon is not None]
    bound = [epsilon for epsilon in spending if epsilon is not None]
    all_bound = len(bound) == len(spending)
    shares = [
        (part.released or 0, part.nearer_than_holdout_p05)
        for part in parts
        if part.nearer_than_holdout_p05 is not None
    ]
    counted = sum(count for count, _ in shares)
    return Privacy(
        epsilon=max(bound, default=None) if all_bound else None,
        noise="simulated" if bound and all_bound else None,
        released=sum(part.released or 0 for part in parts),
        exact_copies=sum(part.exact_copies or 0 for part in parts),
        nearer_than_holdout_p05=sum(count * share for count, share in shares) / counted
        if counted
        else None,
        membership_auc=max(
            (
                part.membership_auc
                for part in parts
                if part.membership_auc is not None and (part.released or 0) >= LEAST
            ),
            default=None,
        ),
    )


def _membership_auc(site: Site, rules: Rules, released: VirtualInstances) -> float | None:
    """The best of the attacks that need one run only, of training against held-out rows."""
    part = membership(site, rules)
    asked = part != NEITHER
    x, y = site.rows.x[asked], site.rows.y[asked]
    own, left = own_columns(site, x), own_columns(site, released.x)
    attacks = (
        by_distance(own, left),
        by_distance_in_class(own, y, replace(released, x=left)),
        by_equal_numbers(numbers(site, x), numbers(site, released.x)),
    )
    found = [auc(scores, part[asked] == TRAINED) for scores in attacks]
    return max((fold(value) for value in found if value is not None), default=None)
