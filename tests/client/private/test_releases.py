"""A release is made once, booked before, and refused past the budget."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grandrounds_client.ledger import Event, Ledger, ReleasedEntry
from grandrounds_client.private import (
    bookings,
    check_private,
    marginals,
    records_of,
    release_of,
    releases,
    spent,
)
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, open_site, split_rows
from grandrounds_client.split import Examples
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import BadInput, BudgetSpent, WorkFailed
from grandrounds_protocol.schema import Federation, Rules
from tests import keys
from tests.client.asking import ROWS, Full, Make

RULES = Rules(privacy_epsilon=1.0)


@pytest.fixture
def reopen(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> Callable[..., Site]:
    """Open the site as after a restart, with a store of its own for the run."""

    def site(budget: float = 3.0, text: str = ROWS) -> Site:
        given: SiteSettings = settings(privacy={"budget": budget})
        return open_site(given, write(text).parent, federation, {})

    return site


def spent_of(site: Site) -> float:
    return spent(records_of(site))


def train(site: Site) -> Examples:
    return split_rows(site, RULES).train


def test_one_release_serves_every_round_and_run(reopen: Callable[..., Site]) -> None:
    first, second = (release_of(reopen(), train(reopen()), RULES) for _ in "ab")
    assert first == second
    assert first.noise == "system"
    assert spent_of(reopen()) == 1.0


def test_every_version_of_the_file_adds_to_what_is_spent(reopen: Callable[..., Site]) -> None:
    other = ROWS.replace("20,f,I,0", "21,f,I,0")
    for text in (ROWS, other, ROWS):
        site = reopen(text=text)
        release_of(site, site_rows(site), RULES)
    assert spent_of(reopen()) == 2.0


def site_rows(site: Site) -> Examples:
    return Examples(site.rows.x, site.rows.y)


def test_another_epsilon_is_another_release(reopen: Callable[..., Site]) -> None:
    site = reopen()
    release_of(site, train(site), RULES)
    release_of(site, train(site), Rules(privacy_epsilon=0.5))
    assert spent_of(site) == 1.5


def test_each_booking_says_which_version_of_the_file_and_when(
    reopen: Callable[..., Site],
) -> None:
    texts = (ROWS, ROWS, ROWS.replace("20,f,I,0", "21,f,I,0"))
    for seed, text in enumerate(texts):
        identity = replace(keys.identity("north"), clock=lambda: 1_700_000_000)
        site = replace(reopen(budget=9, text=text), identity=identity)
        release_of(site, split_rows(site, Rules(seed=seed)).train, Rules(seed=seed))
    found = list(bookings(records_of(reopen())).values())
    assert sorted(booking.seed or 0 for booking in found) == [0, 1, 2]
    version = {booking.seed: booking.rows for booking in found}
    assert version[0] == version[1] != version[2]
    assert {booking.time for booking in found} == {1_700_000_000}


def test_a_booking_of_an_earlier_program_still_counts(reopen: Callable[..., Site]) -> None:
    records_of(reopen())["privacy/booked/" + "0" * 64] = b'{"epsilon":2.5}'
    assert spent_of(reopen()) == 2.5


def test_past_the_budget_nothing_is_released_or_booked(reopen: Callable[..., Site]) -> None:
    site = reopen(budget=1.5)
    release_of(site, train(site), RULES)
    with pytest.raises(BudgetSpent, match=r"epsilon 1 is spent and 0\.75 is asked .* is 1\.5"):
        release_of(site, train(site), Rules(privacy_epsilon=0.75))
    assert spent_of(site) == 1.0
    assert release_of(site, train(site), RULES).epsilon == 1.0
    assert BudgetSpent.exit_code == 3


def test_a_release_that_no_budget_allows_is_refused_at_once(reopen: Callable[..., Site]) -> None:
    site = reopen(budget=0)
    with pytest.raises(BudgetSpent):
        release_of(site, train(site), RULES)


def test_a_tenth_fits_three_times_into_three_tenths(reopen: Callable[..., Site]) -> None:
    for age in (20, 21, 22):
        site = reopen(budget=0.3, text=ROWS.replace("20,f,I,0", f"{age},f,I,0"))
        release_of(site, site_rows(site), Rules(privacy_epsilon=0.1))


def test_it_is_booked_before_the_noise_is_drawn(
    reopen: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    site = reopen()
    monkeypatch.setattr(releases, "measure", killed)
    with pytest.raises(KeyboardInterrupt):
        release_of(site, train(site), RULES)
    assert spent_of(reopen()) == 1.0
    # nothing came of it, so that the next attempt is the same release, and not charged again
    monkeypatch.setattr(releases, "measure", marginals.measure)
    release_of(reopen(), train(site), RULES)
    assert spent_of(reopen()) == 1.0


def test_bookings_lie_beside_site_toml_and_hold_no_count_of_rows(
    reopen: Callable[..., Site], tmp_path: Path
) -> None:
    site = reopen()
    release_of(site, train(site), RULES)
    (booking,) = bookings(DirectoryStore(tmp_path / "privacy")).values()
    assert set(booking.model_dump()) == {"epsilon", "rows", "features", "seed", "time"}
    assert (booking.epsilon, booking.features) == (1.0, ("age", "sex", "stage"))
    assert not site.store


def test_a_simulation_books_in_its_store_and_says_that_it_is_one(
    reopen: Callable[..., Site], tmp_path: Path
) -> None:
    site = replace(reopen(), simulated=True)
    one = release_of(site, train(site), RULES)
    assert one.noise == "simulated"
    assert spent_of(site) == 1.0
    assert not (tmp_path / "privacy").exists()
    assert one == release_of(replace(site, store={}), train(site), RULES)
    other = release_of(replace(site, store={}), train(site), Rules(privacy_epsilon=1.0, seed=1))
    assert one.counts != other.counts


def test_noise_of_a_real_site_does_not_follow_the_seed(reopen: Callable[..., Site]) -> None:
    site = reopen()
    one = release_of(site, train(site), RULES)
    for record in DirectoryStore(site.privacy_records or Path()):
        del DirectoryStore(site.privacy_records or Path())[record]
    assert np.any(flat(release_of(site, train(site), RULES)) != flat(one))


def flat(release: marginals.NoisyRelease) -> list[int]:
    return [n for histogram in release.counts for cells in histogram for n in cells]


def test_a_site_without_a_place_for_bookings_releases_nothing(reopen: Callable[..., Site]) -> None:
    site = replace(reopen(), privacy_records=None)
    with pytest.raises(BadInput, match="no place to book"):
        release_of(site, train(site), RULES)


def test_seeds_are_not_drawn_for_images(reopen: Callable[..., Site]) -> None:
    scan = {"kind": "image", "name": "scan", "shape": [2, 2]}
    shape = {"name": "x", "label": "y", "classes": ["a", "b"], "features": [scan]}
    site = replace(reopen(), federation=Federation.model_validate(shape))
    with pytest.raises(BadInput, match="cannot be drawn for images"):
        check_private(site, RULES)


def entries_of(site: Site) -> list[Event]:
    assert site.identity is not None
    return [entry.what for entry in site.identity.ledger.entries()]


def test_the_ledger_says_once_what_a_release_cost_and_what_all_did(
    reopen: Callable[..., Site],
) -> None:
    site = replace(reopen(), identity=keys.identity("north"))
    for epsilon in (1.0, 0.5, 1.0):
        release_of(site, train(site), Rules(privacy_epsilon=epsilon))
    told = entries_of(site)
    assert all(isinstance(entry, ReleasedEntry) for entry in told)
    assert [(entry.epsilon, entry.spent) for entry in told] == [(1.0, 1.0), (0.5, 1.5)]  # type: ignore[union-attr]


def test_where_the_ledger_cannot_be_written_no_release_is_made(
    reopen: Callable[..., Site],
) -> None:
    mute = replace(keys.identity("north"), ledger=Ledger(Full()))
    site = replace(reopen(), identity=mute)
    with pytest.raises(WorkFailed):
        release_of(site, train(site), RULES)
    assert [key for key in records_of(site) if "release/" in key] == []
    # it is booked, and the next attempt is the same release, not charged again
    again = replace(site, identity=keys.identity("north"))
    release_of(again, train(again), RULES)
    assert [entry.spent for entry in entries_of(again)] == [1.0]  # type: ignore[union-attr]
