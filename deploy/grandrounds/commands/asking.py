"""What a person is shown before a member is trusted, and asked."""

from collections.abc import Iterable

import typer

from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.times import spell

SHOWN = 8


def spelled(fingerprint: str) -> str:
    """Return a fingerprint in groups that two people can read to each other.

    >>> spelled("0123456789abcdef" * 4)[:39]
    '0123 4567 89ab cdef 0123 4567 89ab cdef'
    """
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def show_member(member: Member) -> None:
    """Print who a member is and by which keys."""
    typer.echo(f"{member.name} ({member.role})\n  {spelled(member.keys.fingerprint)}")


def accept_each(members: Iterable[Member], *, yes: bool, what: str) -> None:
    """Ask for each member whether its fingerprint was compared; stop at the first no.

    Raises
    ------
    click.Abort
        If one is not accepted: then nothing was changed.
    """
    for member in members:
        show_member(member)
        if not yes:
            typer.confirm(
                f"  Did {member.name} read you the same fingerprint by another way, and {what}?",
                abort=True,
            )


def show_roster(roster: Roster) -> None:
    """Print a roster for people."""
    typer.echo(
        f"federation {roster.federation}, version {roster.version}, "
        f"from {spell(roster.created)} to {spell(roster.expires)}"
    )
    typer.echo(f"fingerprint of this version\n  {spelled(roster.fingerprint)}")
    for member in roster.members:
        show_member(member)
