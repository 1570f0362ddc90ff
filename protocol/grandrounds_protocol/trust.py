"""Which roster a member goes by: a state, and the steps between. Nothing here reads or asks.

A new version is *offered*, what it changes is shown, and somebody accepts it. Until then the
accepted one holds, and whoever goes by another is refused.
"""

from dataclasses import dataclass, replace

from grandrounds_protocol.errors import Rollback, RosterNotAccepted, UnknownSite
from grandrounds_protocol.roster import Member, Role, Roster, read_roster
from grandrounds_protocol.times import check_time

KEPT = 8
"""Earlier versions kept, so that a run that began with one can end."""


@dataclass(frozen=True)
class RosterChanges:
    """What a new version changes."""

    added: tuple[Member, ...]
    removed: tuple[Member, ...]
    rekeyed: tuple[Member, ...]
    """Members with other keys than before, as they are now."""

    @property
    def to_accept(self) -> tuple[Member, ...]:
        """Whoever a person must look at: the new and those with new keys."""
        return (*self.added, *self.rekeyed)


@dataclass(frozen=True)
class Trust:
    """What a member has accepted.

    Attributes
    ----------
    authority : str
        Fingerprint of the authority's keys.
    current : Roster
    earlier : tuple of Roster
        Newest first.
    """

    authority: str
    current: Roster
    earlier: tuple[Roster, ...] = ()

    @classmethod
    def begin(cls, data: bytes, authority: str, now: int) -> "Trust":
        """Accept a first roster.

        Raises
        ------
        BadRoster, ClockSkew, Stale
        """
        roster, _ = read_roster(data, authority)
        check_time(roster.created, roster.expires, now, "the roster")
        return cls(authority, roster)

    def offered(self, data: bytes, now: int) -> Roster:
        """Check a roster that may replace the current one.

        Raises
        ------
        BadRoster, ClockSkew, Stale
        Rollback
            If it is of a lower version, of the same with other content, or of another federation.
        """
        roster, _ = read_roster(data, self.authority)
        check_time(roster.created, roster.expires, now, "the roster")
        self._check_newer(roster)
        return roster

    def changes(self, offered: Roster) -> RosterChanges:
        """Return what a version would change."""
        before = {member.name: member for member in self.current.members}
        after = {member.name: member for member in offered.members}
        return RosterChanges(
            added=tuple(member for name, member in after.items() if name not in before),
            removed=tuple(member for name, member in before.items() if name not in after),
            rekeyed=tuple(
                member
                for name, member in after.items()
                if name in before and before[name] != member
            ),
        )

    def accept(self, offered: Roster) -> "Trust":
        """Go by a version that `offered` has checked and somebody has looked at.

        Raises
        ------
        Rollback
            If a higher one was accepted meanwhile.
        """
        self._check_newer(offered)
        if offered.fingerprint == self.current.fingerprint:
            return self
        return replace(self, current=offered, earlier=(self.current, *self.earlier)[:KEPT])

    def _check_newer(self, roster: Roster) -> None:
        if roster.federation != self.current.federation:
            raise Rollback("the roster is of another federation")
        same = roster.fingerprint == self.current.fingerprint
        if roster.version <= self.current.version and not same:
            raise Rollback(
                f"the roster offered is version {roster.version}, and version "
                f"{self.current.version} was accepted",
                remedy="ask the authority for the newest",
            )

    def roster(self, fingerprint: str, now: int) -> Roster:
        """Return the accepted roster that a message names: the current, or one before it.

        Raises
        ------
        RosterNotAccepted
            If none is meant that was ever accepted here.
        ClockSkew, Stale
            If it no longer holds.
        """
        for roster in (self.current, *self.earlier):
            if roster.fingerprint == fingerprint:
                check_time(roster.created, roster.expires, now, "the roster")
                return roster
        raise RosterNotAccepted(
            "the other side goes by a roster that was not accepted here",
            remedy="grandrounds site roster shows what it changes and asks for each member",
        )

    def member(self, roster: Roster, name: str, role: Role) -> Member:
        """Return a member of an accepted roster who is one still, by keys not revoked since.

        Keys that were replaced in good order hold until the run that began with them ends. Keys
        that were revoked, since somebody may have stolen them, hold nowhere; nor do those that
        they had replaced, which lay beside them.

        Raises
        ------
        UnknownSite
        """
        found = roster.member(name, role)
        self.current.member(name, role)
        if not self._had_since(roster, name).isdisjoint(self.current.revoked):
            raise UnknownSite("this member's keys were revoked")
        return found

    def _had_since(self, roster: Roster, name: str) -> set[str]:
        """Fingerprints of the keys by which a member was known from a roster on."""
        rosters = (roster, self.current, *self.earlier)
        found = (each.keys_of(name) for each in rosters if each.version >= roster.version)
        return {keys.fingerprint for keys in found if keys is not None}
