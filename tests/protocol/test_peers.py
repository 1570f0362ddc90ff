"""Who meets whom: the same wherever it is computed, mutual, few, and everybody in the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grandrounds_protocol.peers import peers_of, rounds_to_meet_all
from grandrounds_protocol.schema import Rules


def roster(count: int) -> tuple[str, ...]:
    return tuple(f"site-{number}" for number in range(count))


def meetings(sites: tuple[str, ...], round_: int, rules: Rules) -> dict[str, tuple[str, ...]]:
    return {site: peers_of(site, sites, round_, rules) for site in sites}


@given(
    count=st.integers(2, 40),
    peers=st.integers(2, 45),
    seed=st.integers(0, 99),
    round_=st.integers(1, 999),
)
def test_meeting_is_mutual_and_nobody_meets_more_than_agreed(
    count: int, peers: int, seed: int, round_: int
) -> None:
    rules = Rules(peers_per_round=peers, seed=seed)
    met = meetings(roster(count), round_, rules)
    rests = count % 2
    for site, others in met.items():
        assert site not in others
        assert len(set(others)) == len(others)
        assert min(peers, count - 1) - rests <= len(others) <= min(peers, count - 1)
        assert all(site in met[other] for other in others)
        assert list(others) == sorted(others, key=roster(count).index)


@given(count=st.integers(2, 25), peers=st.integers(2, 8), seed=st.integers(0, 99))
def test_every_two_sites_have_met_after_that_many_rounds_and_none_of_them_was_needless(
    count: int, peers: int, seed: int
) -> None:
    rules, sites = Rules(peers_per_round=peers, seed=seed), roster(count)
    rounds = rounds_to_meet_all(count, rules)
    met = [meetings(sites, number + 1, rules) for number in range(rounds)]
    for site in sites:
        assert {other for each in met for other in each[site]} == set(sites) - {site}
    assert rounds == 1 or any(
        {other for each in met[:-1] for other in each[site]} != set(sites) - {site}
        for site in sites
    )


def test_the_draw_depends_on_seed_round_and_roster() -> None:
    sites = roster(50)
    first = meetings(sites, 1, Rules(peers_per_round=4))
    assert first == meetings(sites, 1, Rules(peers_per_round=4))
    assert first != meetings(sites, 2, Rules(peers_per_round=4))
    assert first != meetings(sites, 1, Rules(peers_per_round=4, seed=1))
    others = meetings((*sites[:-1], "another"), 1, Rules(peers_per_round=4))
    assert [first[site] for site in sites[:9]] != [others[site] for site in sites[:9]]


def test_by_default_all_meet_in_every_round() -> None:
    assert peers_of("site-1", roster(4), 7, Rules()) == ("site-0", "site-2", "site-3")


def test_a_single_peer_is_refused_since_two_reviewers_cannot_outvote_a_liar() -> None:
    with pytest.raises(ValidationError, match="at least 2"):
        Rules(peers_per_round=1)
