"""Utility beside leakage, site by site: what a model gained, and what the rows that left tell.

A coordinator is told the first only, on each site's own rows.
"""

from dataclasses import dataclass

from grandrounds.report.numbers import DASH, percent
from grandrounds.results import Comparison, Privacy, Results


@dataclass(frozen=True)
class Told:
    """One line, as it stands on the page."""

    site: str
    parts: tuple[Comparison, ...]
    """On its own held-out rows and, where that is known, on those of all sites."""
    adopted: str
    released: str
    copies: str
    near: str
    auc: str
    epsilon: str


def telling(results: Results, *, everywhere: bool) -> list[Told]:
    """Return a line for each site and, `everywhere`, one for all, whose models are not one."""
    parts = {
        name: (site.own, site.federation) if everywhere else (site.own,)
        for name, site in results.sites.items()
    }
    lines = [
        _line(name, parts[name], f"{site.adopted:,}", site.privacy)
        for name, site in results.sites.items()
    ]
    if everywhere:
        lines.append(_line("all sites", (Comparison(), Comparison()), DASH, results.privacy))
    return lines


def _line(site: str, parts: tuple[Comparison, ...], adopted: str, privacy: Privacy) -> Told:
    near, auc = privacy.nearer_than_holdout_p05, privacy.membership_auc
    return Told(
        site=site,
        parts=parts,
        adopted=adopted,
        released=_count(privacy.released),
        copies=_count(privacy.exact_copies),
        near=percent(near),
        auc=DASH if auc is None else f"{auc:.2f}",
        epsilon=_spending(privacy),
    )


def _spending(privacy: Privacy) -> str:
    if privacy.epsilon is None:
        return DASH
    return f"{privacy.epsilon:g}" + ("" if privacy.budget is None else f" of {privacy.budget:g}")


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"
