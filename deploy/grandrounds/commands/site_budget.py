"""`grandrounds site budget`: what private releases of a site's rows have cost, and what is left."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def budget(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The site's folder.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
    ] = False,
) -> None:
    """Print what was spent of the site's privacy budget, release by release."""
    from grandrounds.provision.spending import spending, table  # noqa: PLC0415 (slow: no help waits)

    found = spending(folder)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    typer.echo(
        f"{found.site}: epsilon {found.spent:g} of {found.budget:g} spent, {found.left:g} left"
    )
    if found.bookings:
        Console().print(table(found.bookings))
