"""A site hears that noise drowns its counts, and hears it by public numbers alone."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grandrounds_client.private import drowned, release_of
from grandrounds_client.private.drowning import signal
from grandrounds_client.site import Site, open_site
from grandrounds_client.split import Examples
from grandrounds_protocol.schema import Federation, Rules
from tests.client.asking import ROWS, Make


@pytest.fixture
def site(federation: Federation, settings: Make, write: Callable[[str], Path]) -> Site:
    return open_site(settings(), write(ROWS).parent, federation, {})


def test_the_cells_of_a_release_are_those_that_are_compared(site: Site) -> None:
    release = release_of(site, Examples(site.rows.x, site.rows.y), Rules(privacy_epsilon=3.0))
    cells = [len(histogram[0]) for histogram in release.counts]
    found = signal(site, 60, 3.0)
    assert found.expected == pytest.approx(60 / 2 / (sum(cells) / len(cells)))
    assert found.noise == pytest.approx(release.sensitivity / 3.0)


def test_more_rows_or_budget_bring_the_counts_up(site: Site) -> None:
    assert not drowned(site, 60, 3.0)
    assert "epsilon 0.3 drowns" in drowned(site, 60, 0.3)
    assert not drowned(site, 6000, 0.3)
    assert "north" in drowned(site, 6, 3.0)


def test_the_line_depends_on_no_patient(
    site: Site, federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    others = ROWS.replace(",f,", ",m,").replace("20,", "64,")
    other = open_site(settings(), write(others).parent, federation, {})
    assert drowned(site, 60, 0.3) == drowned(other, 60, 0.3)


@pytest.mark.parametrize(("simulated", "lines"), [(False, 1), (True, 0)])
def test_a_real_site_says_it_once_for_each_release(
    site: Site, simulated: bool, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    there = replace(site, simulated=simulated)
    with caplog.at_level(logging.WARNING):
        for _ in "ab":
            release_of(there, Examples(site.rows.x, site.rows.y), Rules(privacy_epsilon=0.1))
    assert caplog.text.count("drowns the counts") == lines
