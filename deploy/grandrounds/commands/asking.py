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


def accept_each(
    members: Iterable[Member], *, yes: bool, what: str, before: Iterable[Member] = ()
) -> None:
    """Ask for each member whether its fingerprint was compared; stop at the first no.

    A new member is told from one of those `before`, whose keys or role are replaced.

    Raises
    ------
    click.Abort
        If one is not accepted: then nothing was changed.
    """
    known = {member.name: member for member in before}
    for member in members:
        old = known.get(member.name)
        why = _show_new(member) if old is None else _show_replaced(member, old)
        if not yes:
            typer.confirm(
                f"  Did {member.name} {why} read you the same fingerprint by another way, "
                f"and {what}?",
                abort=True,
            )


def _show_new(member: Member) -> str:
    typer.echo("NEW MEMBER")
    show_member(member)
    return "ask to be a member,"


def _show_replaced(member: Member, old: Member) -> str:
    typer.echo(f"REPLACED: {old.name} ({old.role}) until now had the keys")
    typer.echo(f"  {spelled(old.keys.fingerprint)}\nand is from now on")
    show_member(member)
    return "itself say that its keys or role changed,"


def show_roster(roster: Roster) -> None:
    """Print a roster for people."""
    typer.echo(
        f"federation {roster.federation}, version {roster.version}, "
        f"from {spell(roster.created)} to {spell(roster.expires)}"
    )
    typer.echo(f"fingerprint of this version\n  {spelled(roster.fingerprint)}")
    for member in roster.members:
        show_member(member)
