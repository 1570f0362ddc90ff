"""`grandrounds site start`: a site's programs, in the foreground."""

from typing import Annotated

import typer

from grandrounds.commands.site import Folder
from grandrounds.running.parts import SitePart


def start(
    folder: Folder,
    only: Annotated[
        SitePart | None, typer.Option(help="Run this part alone, as a container does.")
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            envvar="GRANDROUNDS_NODE",
            help="Where the executor finds the node; never published.",
        ),
    ] = None,
) -> None:
    """Take part until told to end (ctrl-C, SIGTERM)."""
    from grandrounds.running import site  # noqa: PLC0415 (heavy: Flower)

    site.start(folder, only, node=node)
