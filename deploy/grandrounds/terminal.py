"""What a person sees: progress while it runs, tables when it is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from grandrounds.phases import phase_line
from grandrounds.results import Comparison, Privacy, Results
from grandrounds.tables import titled
from grandrounds_client.site import Site
from grandrounds_protocol.records import PHASES, Phase
from grandrounds_server.rounds import Watch

TOLD = (
    "own, all: balanced accuracy in percent, before→after, on those held-out rows; adopted: "
    "virtual rows that the last model stands on; left: virtual rows that left the site; copies: "
    "of them, equal to a patient; near: percent nearer to one than 95 % of held-out patients "
    "are; AUC: how well they tell who was trained on, .50 is chance\n"
)
COVERED = (
    "epsilon: spent of the site's budget. It bounds what the virtual rows tell of a training row; "
    "models, candidates and review scores are not bound by it. The noise is simulated: drawn from "
    "the seed, so that epsilon is what a real site's noise would have\n"
)


@contextmanager
def progress(console: Console, rounds: int) -> Iterator[Watch]:
    """Give a watcher that shows a bar on a terminal and plain lines elsewhere."""
    if not console.is_terminal:
        yield lambda number, attempt, phase: console.print(
            phase_line(number, rounds, attempt, phase)
        )
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=rounds * len(PHASES))

        def watch(number: int, attempt: int, phase: Phase) -> None:
            # a second attempt is the end of its round: the bar stands still
            place = PHASES.index(phase) if attempt == 1 else PHASES.index("adopt")
            done = (number - 1) * len(PHASES) + place
            bar.update(task, completed=done, description=phase_line(number, rounds, attempt, phase))

        yield watch


def show_clipped(console: Console, site: Site) -> None:
    """Say which features had values out of their agreed bounds."""
    for feature, count in site.rows.clipped.items():
        if count:
            values = "value" if count == 1 else "values"
            console.print(f"{site.name}: {count} {values} of {feature} out of bounds, clipped")


def show(console: Console, results: Results) -> None:
    """Print the outcome as tables."""
    console.print(
        f"\n{results.federation}: recipe {results.recipe}, {results.rounds} rounds, "
        f"seed {results.seed}"
    )
    console.print(_comparison(results, "On each site's own held-out rows", _own))
    console.print(_comparison(results, "On the held-out rows of all sites", _all))
    console.print("percent, before→after; accuracy and balanced accuracy, for the ensemble too\n")
    console.print(_taught(results))
    if any(site.gate is not None for site in results.sites.values()):
        console.print(_gates(results))
    console.print(_side_by_side(results))
    console.print(TOLD)
    if results.privacy.epsilon is not None:
        console.print(COVERED)
    for name, site in results.sites.items():
        if site.reason:
            console.print(f"{name}: {site.reason}")


_Part = Callable[[Results, str], Comparison]


def _own(results: Results, name: str) -> Comparison:
    return results.sites[name].own


def _all(results: Results, name: str) -> Comparison:
    return results.sites[name].federation


def _comparison(results: Results, title: str, part: _Part) -> Table:
    table = titled(
        title, text=("site", "learner"), numbers=("rows", "acc", "bal", "ensemble", "adopted")
    )
    for name, site in results.sites.items():
        found = part(results, name)
        table.add_row(
            name,
            site.learner,
            str(found.before.n),
            _change(found.before.accuracy, found.after.accuracy),
            _balanced(found),
            f"{_share(found.ensemble.accuracy)} {_share(found.ensemble.balanced_accuracy)}",
            str(site.adopted),
        )
    return table


def _change(before: float | None, after: float | None) -> str:
    return f"{_share(before)}→{_share(after)}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _taught(results: Results) -> Table:
    table = titled("Who taught whom (virtual rows written)", text=("teacher \\ student",))
    for student in results.sites:
        table.add_column(student, justify="right")
    for teacher, students in results.taught.items():
        table.add_row(teacher, *(str(students.get(name, 0)) for name in results.sites))
    return table


def _gates(results: Results) -> Table:
    table = titled(
        "What left each house (lessons for other sites)",
        text=("site",),
        numbers=("written", "released", "of them pushed"),
    )
    table.add_column("stayed in the house")
    for name, site in results.sites.items():
        gate = site.gate
        if gate is None:
            told = "no patients" if not site.patients else ""
            table.add_row(name, "-", "-", "-", told)
            continue
        stayed = ", ".join(f"{count} {reason}" for reason, count in gate.refused.items())
        counts = (str(count) for count in (gate.written, gate.released, gate.pushed))
        table.add_row(name, *counts, gate.closed or stayed)
    return table


def _side_by_side(results: Results) -> Table:
    """What each site's model gained, beside what its released rows tell."""
    table = titled(
        "Gain and leakage",
        text=("site",),
        numbers=("own", "all", "adopted", "left", "copies", "near", "AUC", "epsilon"),
        padding=(0, 1, 0, 0),
    )
    for name, site in results.sites.items():
        gained = (_balanced(site.own), _balanced(site.federation), str(site.adopted))
        table.add_row(name, *gained, *_told(site.privacy))
    table.add_row("all", "", "", "", *_told(results.privacy))
    return table


def _balanced(part: Comparison) -> str:
    return _change(part.before.balanced_accuracy, part.after.balanced_accuracy)


def _told(privacy: Privacy) -> list[str]:
    found = privacy.membership_auc
    return [
        _count(privacy.released),
        _count(privacy.exact_copies),
        _share(privacy.nearer_than_holdout_p05),
        "-" if found is None else f"{found:.2f}".removeprefix("0"),
        _spending(privacy),
    ]


def _spending(privacy: Privacy) -> str:
    if privacy.epsilon is None:
        return "-"
    return f"{privacy.epsilon:g}" + ("" if privacy.budget is None else f" of {privacy.budget:g}")


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)
