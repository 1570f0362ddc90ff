"""`grandrounds coordinator`: keys, certificates and secrets of the one who runs rounds."""

from pathlib import Path
from typing import Annotated

import typer

from grandrounds.commands.asking import show_member
from grandrounds.provision import coordinator_folder

app = typer.Typer(help="Keys, certificates and rounds of the coordinator.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The coordinator's folder.")]


@app.command()
def init(
    folder: Folder,
    hosts: Annotated[
        list[str],
        typer.Option(
            "--host", metavar="NAME", help="Name or IP address that sites use; may be repeated."
        ),
    ],
    federation: Annotated[Path, typer.Option(metavar="FILE", help="federation.toml.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port that sites use.")] = 443,
) -> None:
    """Make keys, certificates and secrets, and the request to be enrolled."""
    member = coordinator_folder.begin(folder, federation, hosts, port)
    show_member(member)
    typer.echo(
        f"next: send {folder / coordinator_folder.REQUEST} to the authority, "
        "and read it the fingerprint above"
    )


@app.command()
def renew(folder: Folder) -> None:
    """Make a new server certificate, and a new request: federation.toml may have changed."""
    member = coordinator_folder.renew(folder)
    show_member(member)
    typer.echo(f"next: grandrounds authority enroll AUTH {folder / coordinator_folder.REQUEST}")
