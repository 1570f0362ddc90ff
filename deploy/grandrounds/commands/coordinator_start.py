"""`grandrounds coordinator start`: the coordinator's programs, in the foreground."""

from pathlib import Path
from typing import Annotated

import click
import typer

from grandrounds.commands.asking import accept_each, spelled
from grandrounds.commands.coordinator import Folder
from grandrounds.provision import bundles
from grandrounds.provision.coordinator_folder import accept_bundle
from grandrounds.provision.secrets import read_bytes
from grandrounds.running.parts import CoordinatorPart
from grandrounds_protocol.bundle import MAX_BYTES, OpenBundle


def start(
    folder: Folder,
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="bundle.json, if there is a new one.")
    ] = None,
    only: Annotated[
        CoordinatorPart | None, typer.Option(help="Run this part alone, as a container does.")
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            envvar="GRANDROUNDS_LINK",
            help="Where the parts find the SuperLink; never published.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where the edge listens.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: fingerprints were compared.")
    ] = False,
) -> None:
    """Run the coordinator until it is told to end (ctrl-C, SIGTERM)."""
    if bundle is not None:
        _accept(folder, bundle, yes=yes)
    from grandrounds.running import coordinator  # noqa: PLC0415 (heavy: Flower)

    coordinator.start(folder, only, link=link, port=port)


def accept(
    folder: Folder,
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="bundle.json.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: fingerprints were compared.")
    ] = False,
) -> None:
    """Go by a bundle, as start does, and start nothing: for containers."""
    _accept(folder, bundle, yes=yes)
    typer.echo("accepted; next: start the containers, or grandrounds coordinator start")


def _accept(folder: Path, bundle: Path, *, yes: bool) -> None:
    with bundles.named(bundle):
        accept_bundle(folder, read_bytes(bundle, MAX_BYTES), lambda new: _confirm(new, yes=yes))


def _confirm(bundle: OpenBundle, *, yes: bool) -> None:
    typer.echo(f"authority of {bundle.roster.federation}")
    typer.echo(f"  {spelled(bundle.authority.fingerprint)}")
    if not yes and not typer.confirm("  Did the authority read you the same by another way?"):
        raise click.Abort
    accept_each(bundle.roster.members, yes=True, what="")
