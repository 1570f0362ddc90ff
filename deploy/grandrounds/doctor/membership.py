"""The roster and the bundle that a member accepted: whether they hold, and are about it."""

from grandrounds.doctor.finding import Finding, failed, ok, warning
from grandrounds_protocol.errors import UnknownSite
from grandrounds_protocol.keys import PublicKeys
from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.times import DAY, check_time, spell

_SOON = 30 * DAY


def check_roster(roster: Roster, me: Member, own: tuple[PublicKeys, ...], now: int) -> Finding:
    """Look whether a roster holds, and knows a member by keys that it has.

    Parameters
    ----------
    roster : Roster
    me : Member
        As the roster has it.
    own : tuple of PublicKeys
        Newest first.
    now : int

    Raises
    ------
    ClockSkew, Stale
    UnknownSite
        If it knows the member by other keys.
    """
    check_time(roster.created, roster.expires, now, "the roster")
    says = f"version {roster.version}, {len(roster.sites)} sites, until {spell(roster.expires)}"
    if me.keys not in own:
        raise UnknownSite(
            "the roster has other keys for this member than it holds",
            remedy="give the authority this folder's enrolment.json, and accept its next bundle",
        )
    if me.keys != own[0]:
        return warning(
            "roster",
            f"{says}; it has the keys before the newest",
            "give the authority this folder's enrolment.json, and accept its next bundle",
        )
    if len(roster.sites) < 2:
        return failed("roster", says, "wait until the authority has enrolled a second site")
    if roster.expires - now < _SOON:
        return warning("roster", says, "ask the authority: grandrounds authority renew AUTH")
    return ok("roster", says)
