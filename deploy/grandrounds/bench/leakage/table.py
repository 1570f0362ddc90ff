"""The report for people: one table for each recipe, 80 columns wide."""

from collections.abc import Callable, Iterable
from statistics import median

from rich.console import Console
from rich.table import Table

from grandrounds.bench.leakage.records import RecipeLeak, Report, SiteLeak
from grandrounds.bench.leakage.told import Told
from grandrounds.tables import titled

_FIGURES: dict[str, tuple[Callable[[SiteLeak], float | None], str]] = {
    "rows released": (lambda site: site.released, "{:.0f}"),
    "exact copies": (lambda site: site.exact_copies, "{:.0f}"),
    "nearer than 95 %": (lambda site: site.near, "{:.2f}"),
    "more alike than 95 %": (lambda site: site.alike, "{:.2f}"),
}
_EMPTY = ["-", "-", "-"]


def show(console: Console, report: Report) -> None:
    """Print all tables and what their columns are."""
    console.print(f"\n{report.federation}; {report.cpu}, one thread; {report.seconds:.0f} s in all")
    for recipe, leak in report.recipes.items():
        console.print(_table(recipe, leak))
        for line in _silent(leak):
            console.print(line)
    console.print(
        "Figures of rows: medians over runs; nearer to a training row, or more like one, "
        "than 95 % of held-out rows are. sites: median over sites. Attacks: "
        "max(AUC, 1 - AUC) of training against held-out rows, or of planted canaries "
        "against others kept out; median over runs, with its 95 % interval. found: share of "
        "them found where 1 % of the others is taken for one. chance: the AUC if membership "
        "were random, and what it stays below in 95 of 100 draws."
    )
    for name, says in report.attacks.items():
        console.print(f"  {name}: {says}")


def _table(recipe: str, leak: RecipeLeak) -> Table:
    table = titled(
        f"{recipe}: {leak.runs} runs attacked, {leak.shadows} shadow runs",
        text=("figure",),
        padding=(0, 1, 0, 0),
    )
    table.add_column("sites", justify="right")
    table.add_column("worst site")
    for head in ("value", "95 %", "found", "chance"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, (figure, form) in _FIGURES.items():
        values = {site: figure(found) for site, found in leak.sites.items()}
        table.add_row(name, *_worst(values, form), *_EMPTY)
    for name in _attacks(leak):
        told = {site: found.attacks[name] for site, found in leak.sites.items()}
        aucs = {site: None if one is None else one.auc for site, one in told.items()}
        middle, site, value = _worst(aucs, "{:.2f}")
        table.add_row(name, middle, site, value, *_spread(told.get(site)))
    return table


def _attacks(leak: RecipeLeak) -> Iterable[str]:
    return next(iter(leak.sites.values())).attacks


def _worst(values: dict[str, float | None], form: str) -> tuple[str, str, str]:
    """Median over sites, the site with the largest value, and that value."""
    defined = {site: value for site, value in values.items() if value is not None}
    if not defined:
        return "-", "-", "-"
    site = max(defined, key=lambda name: defined[name])
    return _said(median(defined.values()), form), site, _said(defined[site], form)


def _spread(told: Told | None) -> list[str]:
    if told is None:
        return _EMPTY
    two = "{:.2f}"
    return [
        f"{_said(told.low, two)}-{_said(told.high, two)}",
        _said(told.found, two),
        f"{_said(told.chance, two)}, {_said(told.chance_high, two)}",
    ]


def _said(value: float, form: str) -> str:
    text = form.format(value)
    return text[1:] if text.startswith("0.") else text


def _silent(leak: RecipeLeak) -> list[str]:
    """Sites that kept everything in the house, in some runs or all."""
    return [
        f"{name} released nothing in {site.silent} of {leak.runs} runs"
        for name, site in leak.sites.items()
        if site.silent
    ]
