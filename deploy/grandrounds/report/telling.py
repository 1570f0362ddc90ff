"""The section on privacy: what the virtual rows that left tell, site by site."""

from dataclasses import dataclass

from grandrounds.report.numbers import DASH, percent
from grandrounds.results import Privacy, Results


@dataclass(frozen=True)
class Told:
    """One line, as it stands on the page."""

    site: str
    released: str
    copies: str
    near: str
    auc: str
    epsilon: str


def telling(results: Results) -> list[Told]:
    """Return a line for each site, and one for all of them."""
    lines = {name: site.privacy for name, site in results.sites.items()}
    return [_line(name, privacy) for name, privacy in lines.items()] + [
        _line("all sites", results.privacy)
    ]


def _line(site: str, privacy: Privacy) -> Told:
    near, auc = privacy.nearer_than_holdout_p05, privacy.membership_auc
    return Told(
        site=site,
        released=_count(privacy.released),
        copies=_count(privacy.exact_copies),
        near=DASH if near is None else f"{percent(near)} %",
        auc=DASH if auc is None else f"{auc:.2f}",
        epsilon=_spending(privacy),
    )


def _spending(privacy: Privacy) -> str:
    if privacy.epsilon is None:
        return DASH
    return f"{privacy.epsilon:g}" + ("" if privacy.budget is None else f" of {privacy.budget:g}")


def _count(value: int | None) -> str:
    return DASH if value is None else str(value)
