"""`grandrounds site status`: how far a site has come, from its own books."""

import typer

from grandrounds.commands.site import Folder
from grandrounds.commands.site_check import AsJson
from grandrounds.provision.books import Books, read_books
from grandrounds_protocol.times import spell


def status(folder: Folder, as_json: AsJson = False) -> None:
    """Say whether the site has joined and runs, what it answered last and what it spent."""
    books = read_books(folder)
    if as_json:
        typer.echo(books.model_dump_json(indent=2))
        return
    for name, says in _lines(books):
        typer.echo(f"{name:9} {says}")
    if not books.joined:
        typer.echo(f"next: grandrounds site join {folder} BUNDLE")


def _lines(books: Books) -> list[tuple[str, str]]:
    answered = books.answered
    return [
        ("site", books.site),
        ("joined", f"yes, roster version {books.roster_version}" if books.joined else "no"),
        ("running", "yes" if books.running else "no"),
        (
            "answered",
            f"{answered.phase} of round {answered.round} in {answered.run}, {spell(answered.time)}"
            f"{f', with {answered.failure}' if answered.failure else ''}"
            if answered
            else "nothing yet",
        ),
        ("runs", ", ".join(books.runs) or "none"),
        ("spent", f"epsilon {books.spent:g} of {books.budget:g}"),
    ]
