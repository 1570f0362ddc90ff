"""`grandrounds authority`: who is a member. For a machine that is not the coordinator's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from grandrounds.commands.asking import accept_each, show_member, show_roster, spelled
from grandrounds.provision import authority as office
from grandrounds.provision.identity import wall_clock
from grandrounds.provision.requests import Request, changed, keep, read_requests
from grandrounds_protocol.roster import Member

app = typer.Typer(
    help="Say who is a member: sign the roster. Not on the coordinator's machine.",
    no_args_is_help=True,
)

NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The authority's folder.")]
Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The authority's folder.", exists=True, file_okay=False),
]
Days = Annotated[int, typer.Option(min=1, max=3650, help="Days for which the roster holds.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: fingerprints were compared.")]


@app.command()
def init(
    folder: NewFolder,
    federation: Annotated[str, typer.Option(help="The federation's name.")],
    days: Days = 365,
) -> None:
    """Make the authority's key and an empty roster."""
    made = office.begin(folder, federation, wall_clock(), days)
    typer.echo(f"authority of {federation}, in {folder}; keep {folder}/keys off the network")
    typer.echo(
        f"fingerprint, for every member to compare\n  {spelled(made.keys.public.fingerprint)}"
    )
    typer.echo(f"next: grandrounds authority enroll {folder} REQUEST...")


@app.command()
def enroll(
    folder: Folder,
    requests: Annotated[
        list[Path], typer.Argument(metavar="REQUEST...", help="Enrolment requests.")
    ],
    days: Days = 365,
    yes: Yes = False,
) -> None:
    """Enrol members by their requests, or replace their keys; each fingerprint is asked for."""
    authority = office.open_authority(folder)
    asked = read_requests(authority.requests, authority.roster, requests, wall_clock())
    changes = changed(authority.requests, authority.roster, asked)
    for each in changes:
        if each.application.edge is not None:
            typer.echo(f"{each.member.name} will be found at {each.application.edge.address}")
    new = [each.member for each in changes]
    before = authority.roster.members
    accept_each(new, yes=yes, what="do you enrol it with these keys", before=before)
    _publish(authority, office.enrolled(before, new), days, asked=changes)


@app.command()
def revoke(
    folder: Folder,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Members to leave out.")],
    days: Days = 365,
    yes: Yes = False,
) -> None:
    """Leave members out, and their keys for good: nobody seals for them, or opens what they send.

    A member whose keys were stolen makes new ones and is enrolled again.
    """
    authority = office.open_authority(folder)
    rest = office.without(authority.roster.members, names)
    gone = [member for member in authority.roster.members if member.name in names]
    for member in gone:
        show_member(member)
    if not yes:
        typer.confirm("Revoke these?", abort=True)
    _publish(authority, rest, days, gone)


@app.command()
def renew(folder: Folder, days: Days = 365) -> None:
    """Sign the same members anew, so that the roster does not expire."""
    authority = office.open_authority(folder)
    _publish(authority, authority.roster.members, days)


@app.command()
def show(folder: Folder) -> None:
    """Print the newest roster and the authority's fingerprint."""
    authority = office.open_authority(folder)
    typer.echo(f"authority\n  {spelled(authority.keys.public.fingerprint)}")
    show_roster(authority.roster)


def _publish(
    authority: office.Authority,
    members: tuple[Member, ...],
    days: int,
    revoked: Sequence[Member] = (),
    asked: Sequence[Request] = (),
) -> None:
    made = office.publish(authority, members, wall_clock(), days, revoked)
    keep(made.requests, asked)
    missing = office.publish_bundle(made)
    sites = len(made.roster.sites)
    typer.echo(f"{made.file}: version {made.roster.version}, {sites} sites")
    if missing:
        typer.echo(f"no bundle yet, for want of the newest request of {', '.join(missing)}")
        typer.echo(f"next: grandrounds authority enroll {made.folder} REQUEST...")
    else:
        typer.echo(f"give {made.bundle} to every member")
        typer.echo("next, the coordinator: grandrounds coordinator start DIR bundle.json")
        typer.echo("next, each site: grandrounds site join DIR bundle.json")
