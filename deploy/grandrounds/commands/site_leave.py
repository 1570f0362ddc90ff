"""`grandrounds site leave`: out of the federation, with all that must be kept."""

from typing import Annotated

import typer

from grandrounds.commands.site import Folder
from grandrounds.provision.leaving import check_stopped, leave_federation
from grandrounds.provision.site_folder import read_settings


def leave(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
) -> None:
    """Forget the node's key, the roster and the coordinator; keep keys, ledger and bookings."""
    name = read_settings(folder).name
    check_stopped(folder)
    typer.echo(f"{name} will forget its node's key, the bundle, and the roster it accepted;")
    typer.echo("its keys, ledger, bookings of privacy and store stay.")
    if not yes:
        typer.confirm("Leave?", abort=True)
    leave_federation(folder)
    typer.echo("next: ask the authority to type")
    typer.echo(f"  grandrounds authority revoke AUTH {name}")
    typer.echo(f"to come back: grandrounds site rotate {folder} makes a new request to join")
