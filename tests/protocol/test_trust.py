"""Trust: a member goes by what somebody accepted, and never back."""

import pytest

from grandrounds_protocol.errors import (
    BadRoster,
    ClockSkew,
    Rollback,
    RosterNotAccepted,
    Stale,
    UnknownSite,
)
from grandrounds_protocol.roster import Member, Roster, sign_roster
from grandrounds_protocol.times import SKEW
from grandrounds_protocol.trust import KEPT, Trust

from .members import HOUR, NOW, member, roster, throw_away

AUTHORITY = throw_away("authority")
PINNED = AUTHORITY.public.fingerprint
A, B, HUB = member("a"), member("b"), member("hub", "coordinator")


def signed(made: Roster) -> bytes:
    return sign_roster(made, AUTHORITY)


def begun(*members: Member, version: int = 3) -> Trust:
    return Trust.begin(signed(roster(*(members or (A, B, HUB)), version=version)), PINNED, NOW)


def test_a_first_roster_of_another_authority_is_refused() -> None:
    with pytest.raises(BadRoster):
        Trust.begin(signed(roster(A)), throw_away("mallory").public.fingerprint, NOW)


def test_an_expired_or_early_roster_is_refused() -> None:
    for begin in (begin_at, offer_at):
        with pytest.raises(Stale):
            begin(NOW + HOUR + SKEW + 1)
        with pytest.raises(ClockSkew):
            begin(NOW - SKEW - 1)


def begin_at(now: int) -> Trust:
    return Trust.begin(signed(roster(A)), PINNED, now)


def offer_at(now: int) -> Roster:
    return begun().offered(signed(roster(A, version=4)), now)


def test_a_lower_roster_version_is_refused() -> None:
    with pytest.raises(Rollback, match="version 2, and version 3"):
        begun().offered(signed(roster(A, B, HUB, version=2)), NOW)


def test_the_same_version_with_other_content_is_refused() -> None:
    with pytest.raises(Rollback):
        begun().offered(signed(roster(A, B, HUB, member("c"), version=3)), NOW)


def test_the_same_roster_again_changes_nothing() -> None:
    trust = begun()
    again = trust.offered(signed(trust.current), NOW)
    assert trust.accept(again) is trust


def test_a_version_may_skip_numbers() -> None:
    trust = begun()
    offered = trust.offered(signed(roster(A, version=9)), NOW)
    assert trust.accept(offered).current.version == 9


def test_a_roster_of_another_federation_is_refused() -> None:
    with pytest.raises(Rollback, match="another federation"):
        begun().offered(signed(roster(A, version=4, federation="g")), NOW)


def test_what_was_offered_before_a_higher_version_is_not_accepted_after_it() -> None:
    trust = begun()
    fourth = trust.offered(signed(roster(A, B, HUB, member("c"), version=4)), NOW)
    fifth = trust.offered(signed(roster(A, B, HUB, version=5)), NOW)
    with pytest.raises(Rollback):
        trust.accept(fifth).accept(fourth)


def test_each_change_is_shown_and_new_members_and_keys_are_to_be_accepted() -> None:
    trust = begun()
    rekeyed = Member(name="a", role="site", keys=throw_away("a again").public)
    changes = trust.changes(roster(rekeyed, HUB, member("c"), version=4))
    assert (changes.added, changes.removed, changes.rekeyed) == ((member("c"),), (B,), (rekeyed,))
    assert changes.to_accept == (member("c"), rekeyed)


def test_a_site_that_becomes_the_coordinator_is_shown() -> None:
    promoted = member("a", "coordinator")
    assert begun().changes(roster(promoted, version=4)).to_accept == (promoted,)


def test_a_roster_offered_but_not_accepted_does_not_count() -> None:
    trust = begun()
    offered = trust.offered(signed(roster(A, B, HUB, member("c"), version=4)), NOW)
    with pytest.raises(RosterNotAccepted):
        trust.roster(offered.fingerprint, NOW)
    assert trust.accept(offered).roster(offered.fingerprint, NOW) == offered


def test_a_run_may_end_under_the_roster_it_began_with_until_that_expires() -> None:
    trust = begun()
    later = trust.accept(trust.offered(signed(roster(A, B, HUB, version=4)), NOW))
    assert later.roster(trust.current.fingerprint, NOW) == trust.current
    with pytest.raises(Stale):
        later.roster(trust.current.fingerprint, NOW + HOUR + SKEW + 1)


def test_only_so_many_earlier_rosters_are_kept() -> None:
    trust = first = begun()
    for version in range(4, 5 + KEPT):
        trust = trust.accept(roster(A, B, HUB, version=version))
    assert len(trust.earlier) == KEPT
    with pytest.raises(RosterNotAccepted):
        trust.roster(first.current.fingerprint, NOW)


def test_a_revoked_member_is_unknown_under_earlier_rosters_too() -> None:
    first = begun()
    assert first.member(first.current, "b", "site") == B
    later = first.accept(roster(A, HUB, version=4))
    assert later.member(first.current, "a", "site") == A
    with pytest.raises(UnknownSite):
        later.member(first.current, "b", "site")


def test_keys_replaced_in_good_order_hold_until_the_run_that_began_with_them_ends() -> None:
    first = begun()
    new = Member(name="b", role="site", keys=throw_away("new").public)
    later = first.accept(roster(A, new, HUB, version=4))
    assert later.member(first.current, "b", "site") == B
    assert later.member(later.current, "b", "site") == new


@pytest.mark.parametrize("name", ["b", "hub"])
def test_a_stolen_key_that_was_revoked_is_refused_under_earlier_rosters_too(name: str) -> None:
    first = begun()
    stolen = next(each.keys.fingerprint for each in (A, B, HUB) if each.name == name)
    members = [
        Member(name=name, role=each.role, keys=throw_away("new").public)
        if each.name == name
        else each
        for each in (A, B, HUB)
    ]
    later = first.accept(roster(*members, version=4, revoked=(stolen,)))
    role = first.current.members[("a", "b", "hub").index(name)].role
    with pytest.raises(UnknownSite, match="revoked"):
        later.member(first.current, name, role)
    assert later.member(later.current, name, role).keys == throw_away("new").public


def test_keys_replaced_by_stolen_ones_are_refused_too() -> None:
    # old keys stay in the folder: who took the new ones has these as well
    first = begun()
    stolen, fresh = (
        Member(name="b", role="site", keys=throw_away(name).public) for name in ("stolen", "fresh")
    )
    gone = (stolen.keys.fingerprint,)
    between = first.accept(roster(A, stolen, HUB, version=4))
    later = between.accept(roster(A, HUB, version=5, revoked=gone)).accept(
        roster(A, fresh, HUB, version=6, revoked=gone)
    )
    for before in (first.current, between.current):
        with pytest.raises(UnknownSite, match="revoked"):
            later.member(before, "b", "site")
        assert later.member(before, "a", "site") == A
    assert later.member(later.current, "b", "site") == fresh
