"""`grandrounds site join`: from a bundle to a site that runs."""

import os
import sys
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from grandrounds.commands.agreeing import offer
from grandrounds.commands.site import Folder, Yes, accept_roster
from grandrounds.commands.site_check import check_site
from grandrounds.folder import read_text
from grandrounds.provision import bundles
from grandrounds.provision.identity import KEYS, ROSTER
from grandrounds.provision.keyring import read_keys
from grandrounds.provision.node import FOLDER, Node, make_node_key, point_to
from grandrounds.provision.secrets import read_bytes, replace
from grandrounds.provision.site_folder import FEDERATION, read_settings
from grandrounds_protocol.bundle import MAX_BYTES, OpenBundle
from grandrounds_protocol.errors import BadBundle

_READABLE = 0o644


def join(
    folder: Folder,
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="bundle.json, from the authority.")
    ],
    yes: Yes = False,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Whether to start when all is well.")
    ] = True,
) -> None:
    """Accept a bundle: members, federation, coordinator; check this site, and start it."""
    with bundles.named(bundle):
        accept_bundle(folder, read_bytes(bundle, MAX_BYTES), yes=yes)
    code = check_site(folder)
    if code:
        typer.echo(f"next: mend this, then grandrounds site check {folder}")
        raise typer.Exit(code)
    if not start:
        typer.echo(f"next: grandrounds site start {folder}")
        return
    _become_start(folder)


def _become_start(folder: Path) -> None:
    """Go on as `site start`: all that the check imported would stay as long as the site runs."""
    from grandrounds_client.worker.teachers import shared_worker  # noqa: PLC0415 (heavy: ONNX)

    shared_worker().close()  # its parent would not end, and so it would not
    sys.stdout.flush()
    command = (sys.executable, "-P", "-c", "from grandrounds.cli import main; main()")
    os.execv(sys.executable, [*command, "site", "start", str(folder)])  # noqa: S606 (our own command)


def accept_bundle(folder: Path, data: bytes, *, yes: bool) -> OpenBundle:
    """Let a site go by a bundle, after all that it changes was shown and asked for.

    Raises
    ------
    click.Abort
        If it was not accepted: then nothing was changed.
    BadBundle
        If another authority signed it, it was changed, or has other keys for this site.
    Rollback, Stale, ClockSkew, BadInput, BadLedger, WorkFailed, OpenToOthers
    """
    bundle = bundles.offered(folder, folder / ROSTER, data)
    node = Node(folder / FOLDER)
    _check_mine(folder, bundle, node)
    _show_federation(folder, bundle, yes=yes)
    accept_roster(folder, bundle.bundle.roster.encode(), yes=yes)
    replace(folder / FEDERATION, bundle.bundle.federation.encode(), _READABLE)
    point_to(node, bundle.bundle.address, bundle.bundle.ca)
    bundles.keep(folder, bundle)
    return bundle


def _check_mine(folder: Path, bundle: OpenBundle, node: Node) -> None:
    """Refuse a bundle by which others would take somebody else for this site."""
    name = read_settings(folder).name
    remedy = f"give the authority {folder}/enrolment.json, and join by its next bundle"
    if name not in bundle.roster.sites:
        raise BadBundle(f"no site named {name} is in the bundle", remedy=remedy)
    keys = bundle.roster.member(name, "site").keys
    if all(pair.public != keys for pair in read_keys(folder / KEYS)):
        raise BadBundle("the bundle has other keys for this site than it holds", remedy=remedy)
    if not node.key.exists():
        raise BadBundle(
            "this site's node has no key: it left, and the bundle has the one from before",
            remedy=f"grandrounds site rotate {folder} makes a new request; {remedy}",
        )
    if bundle.bundle.nodes[name] != make_node_key(node):
        raise BadBundle("the bundle has another node's key for this site", remedy=remedy)


def _show_federation(folder: Path, bundle: OpenBundle, *, yes: bool) -> None:
    """Say what the federation agrees on, or what of it changed, and ask."""
    path, new = folder / FEDERATION, bundle.bundle.federation
    old = read_text(path) if path.exists() else None
    if old == new:
        return
    if old is None:
        for line in offer(bundle, read_settings(folder).name):
            typer.echo(_printable(line))
        question = f"  Take part? Every rule and feature will stand in {path}"
    else:
        typer.echo(f"{FEDERATION} changes")
        # lines as TOML ends them: `splitlines` would show a rule where a comment goes on
        for line in unified_diff(
            old.split("\n"), new.split("\n"), "accepted", "offered", "", "", 1
        ):
            typer.echo(f"  {_printable(line)}")
        question = "  Do you accept these changes?"
    if not yes:
        typer.confirm(question, abort=True)


def _printable(line: str) -> str:
    # a letter that turns the order of writing would show another line than is accepted
    return "".join(letter if letter.isprintable() else "?" for letter in line)
