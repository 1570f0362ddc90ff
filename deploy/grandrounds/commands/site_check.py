"""`grandrounds site check`: a doctor before joining."""

from pathlib import Path
from typing import Annotated

import typer

from grandrounds.commands.findings import tell
from grandrounds.commands.site import Folder

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def check(
    folder: Folder,
    offline: Annotated[
        bool, typer.Option("--offline", help="Without a connection to the coordinator.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at keys, roster, connection and data; try a round here; say what to mend."""
    code = check_site(folder, offline=offline, as_json=as_json)
    if not as_json:
        again = f"grandrounds site check {folder}"
        typer.echo(f"next: mend this, then {again}" if code else _NEXT.format(folder))
    raise typer.Exit(code)


_NEXT = "next: grandrounds site start {}"


def check_site(folder: Path, *, offline: bool = False, as_json: bool = False) -> int:
    """Look at a site and say what was found; return the exit code."""
    # imported here: it brings all learners along, and help is to answer at once
    from grandrounds.doctor.site import examine  # noqa: PLC0415

    return tell(folder, examine(folder, offline=offline), as_json=as_json)
