"""A run for people: a table that changes on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from grandrounds.coordinating.view import View
from grandrounds.phases import phase_line
from grandrounds.tables import titled
from grandrounds_server.journal import Event, Happened, Line
from grandrounds_server.state import Plan

Show = Callable[[Line], None]


@contextmanager
def live(console: Console, plan: Callable[[], Plan]) -> Iterator[Show]:
    """Show each line as it comes; `plan` says what the run is once it has begun."""
    if not console.is_terminal:
        yield lambda line: _print(console, line.event, plan)
        return
    view = View()
    with Live(console=console, transient=True) as screen:

        def show(line: Line) -> None:
            view.add(line.event)
            screen.update(table(view, plan()))

        yield show


def _print(console: Console, event: Event, plan: Callable[[], Plan]) -> None:
    """Say a line in words; nothing of what only a table shows."""
    words: dict[Happened, Callable[[], str]] = {
        "begun": lambda: "begun",
        "resumed": lambda: "going on from the last finished phase",
        "phase": lambda: _place(event, plan()),
        "answered": lambda: f"  {event.site}: answered",
        "failed": lambda: f"  {event.site}: failed ({event.code})",
        "kept": lambda: f"  done in {event.seconds:.1f} s",
    }
    if event.what in words:
        console.print(words[event.what](), highlight=False, soft_wrap=True)


def _place(event: Event | None, plan: Plan) -> str:
    if event is None or event.phase is None:
        return "waiting for the first phase"
    return phase_line(event.round, plan.rules.rounds, event.attempt, event.phase)


def table(view: View, plan: Plan) -> Group:
    """Lay out where a run is, site by site."""
    found = titled("", text=("site", "this phase"), numbers=("asked again",))
    for site in plan.sites:
        again = view.again[site]
        found.add_row(site, view.sites.get(site, "-"), str(again) if again else "")
    # above the table, and no title of it: that would be broken at the table's own width
    return Group(Text(_place(view.place, plan)), found)
