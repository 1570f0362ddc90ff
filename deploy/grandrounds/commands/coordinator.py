"""`grandrounds coordinator`: keys, certificates and secrets of the one who runs rounds."""

from pathlib import Path
from typing import Annotated

import typer

from grandrounds.commands.asking import show_member
from grandrounds.commands.findings import tell
from grandrounds.provision import coordinator_folder

app = typer.Typer(help="Keys, certificates and rounds of the coordinator.", no_args_is_help=True)

NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The coordinator's folder.")]
Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The coordinator's folder.", exists=True, file_okay=False),
]


@app.command()
def init(
    folder: NewFolder,
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
    typer.echo(f"send {folder / coordinator_folder.REQUEST} to the authority, and read it the")
    typer.echo("fingerprint above; when the bundle has come,")
    typer.echo(f"next: grandrounds coordinator start {folder} bundle.json")


@app.command()
def renew(folder: Folder) -> None:
    """Make a new server certificate, and a new request: federation.toml may have changed."""
    member = coordinator_folder.renew(folder)
    show_member(member)
    request = folder / coordinator_folder.REQUEST
    typer.echo(
        f"if federation.toml changed, the authority: grandrounds authority enroll AUTH {request}"
    )
    typer.echo(f"next: grandrounds coordinator start {folder}")


@app.command()
def check(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Look at keys, secrets, certificates, roster, programs and port; say what to mend."""
    from grandrounds.doctor.coordinator import examine  # noqa: PLC0415 (help answers at once)

    code = tell(folder, examine(folder), as_json=as_json)
    if not as_json:
        again = f"grandrounds coordinator check {folder}"
        ready = f"next: grandrounds coordinator start {folder}"
        typer.echo(f"next: mend this, then {again}" if code else ready)
    raise typer.Exit(code)
