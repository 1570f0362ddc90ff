"""Who meets whom in a round, computed by every site and the coordinator alike.

With `peers_per_round` a round is a few matchings of a round-robin tournament (the circle
method). The seats and the order of the matchings are drawn from the run's seed and the
roster, so a site never takes anybody's word for whom it is to meet.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator

Order = npt.NDArray[np.int64]


def peers_of(site: str, sites: tuple[str, ...], round_: int, rules: Rules) -> tuple[str, ...]:
    """Return the sites that `site` meets in a round, in roster order.

    Meeting is mutual: i is a peer of j exactly if j is one of i. Of an odd number of sites
    one rests in each matching and meets one fewer. Every two sites have met after
    `rounds_to_meet_all` rounds.

    Parameters
    ----------
    site : str
    sites : tuple of str
        The roster, `site` included.
    round_ : int
        Number of the round, from 1.
    rules : Rules

    Examples
    --------
    >>> sites = tuple("abcdef")
    >>> peers_of("a", sites, 1, Rules())
    ('b', 'c', 'd', 'e', 'f')
    >>> drawn = Rules(peers_per_round=2)
    >>> [site for site in sites if "a" in peers_of(site, sites, 1, drawn)] == [
    ...     *peers_of("a", sites, 1, drawn)
    ... ]
    True
    """
    if _all_meet(len(sites), rules):
        return tuple(name for name in sites if name != site)
    seats, matchings = _drawn(rules.seed, sites)
    seat = int(np.flatnonzero(seats == sites.index(site))[0])
    turns = np.arange(rules.peers_per_round) + (round_ - 1) * rules.peers_per_round
    opposite = [_opposite(seat, int(m), len(matchings)) for m in matchings[turns % len(matchings)]]
    met = sorted(int(seats[other]) for other in opposite if other < len(sites))
    return tuple(sites[place] for place in met)


def rounds_to_meet_all(sites: int, rules: Rules) -> int:
    """Return after how many rounds every two of that many sites have met.

    >>> [rounds_to_meet_all(n, Rules(peers_per_round=4)) for n in (5, 10, 100, 1000)]
    [1, 3, 25, 250]
    """
    return 1 if _all_meet(sites, rules) else -(-_matchings(sites) // rules.peers_per_round)


def _all_meet(sites: int, rules: Rules) -> bool:
    return rules.peers_per_round == 0 or rules.peers_per_round >= sites - 1


def _matchings(sites: int) -> int:
    """Matchings of a tournament; an odd number of sites gets an empty seat to rest at."""
    return sites - 1 + sites % 2


@lru_cache(maxsize=4)
def _drawn(seed: int, sites: tuple[str, ...]) -> tuple[Order, Order]:
    """Draw which site sits where, and in which order the matchings come."""
    rng = generator(seed, "peers", *sites)
    return rng.permutation(len(sites)), rng.permutation(_matchings(len(sites)))


def _opposite(seat: int, matching: int, matchings: int) -> int:
    """Return the seat opposite in a matching: on the circle, seats whose sum is its number.

    The last seat is off the circle and takes whoever would meet itself.
    """
    if seat == matchings:
        # half of `matching`, in whole numbers modulo the odd number of matchings
        return matching * (matchings + 1) // 2 % matchings
    other = (matching - seat) % matchings
    return matchings if other == seat else other
