"""The charts and tables of what each site gained, and of what left it."""

from grandrounds.report.gains import gains
from grandrounds.report.page import federation_page
from grandrounds.report.story import Story
from grandrounds.results import Comparison, Privacy
from tests.deploy.report.made import (
    AGE,
    DASH,
    Tables,
    compared,
    federation_of,
    results_of,
    site_result,
)


def test_each_sites_gain_stands_beside_what_its_rows_tell() -> None:
    leaky = Privacy(
        released=1040, exact_copies=7, nearer_than_holdout_p05=0.125, membership_auc=0.875
    )
    drawn = Privacy(epsilon=1.5, noise="simulated", budget=3, released=9, exact_copies=0)
    results = results_of(
        north=site_result(0.5, 0.7, federation=compared(0.4, 0.45), privacy=leaky, adopted=1234),
        west=site_result(0.8, 0.8, privacy=drawn, adopted=0),
    )
    rows = Tables(federation_page(Story(results, federation_of(AGE), (), {}))).rows
    north = ["50.0", "70.0", "60.0", "40.0", "45.0", "60.0", "1,234"]
    assert ["north", *north, "1,040", "7", "12.5", "0.88", DASH] in rows
    west = ["80.0", "80.0", "60.0", "80.0", "80.0", "60.0", "0"]
    assert ["west", *west, "9", "0", DASH, DASH, "1.5 of 3"] in rows


def test_the_page_of_a_real_run_has_no_columns_for_what_a_coordinator_is_not_told() -> None:
    results = results_of(
        north=site_result(0.5, 0.7, federation=Comparison(), adopted=100),
        west=site_result(0.8, 0.8, federation=Comparison(), adopted=0),
    )
    story = Story(results, federation_of(AGE), (), {}, simulated=False)
    page = federation_page(story)
    rows = Tables(page).rows
    assert ["north", "50.0", "70.0", "60.0", "100"] in rows
    assert not [row for row in rows if "all sites" in row or DASH in row]
    assert "epsilon</em> is what a site spent" not in page.lower()


def test_unknown_figures_of_leakage_are_no_zeros() -> None:
    silent = Privacy(released=0, exact_copies=0)
    results = results_of(south=site_result(0.8, 0.6, privacy=silent))
    rows = Tables(federation_page(Story(results, federation_of(AGE), (), {}))).rows
    assert any(row[0] == "south" and row[8:] == ["0", "0", DASH, DASH, DASH] for row in rows)
    assert ["all sites", *[DASH] * 12] in rows


def test_the_scale_holds_every_figure() -> None:
    for shares in ((0.5, 0.7), (0.02, 0.97), (0.61, 0.62), (0.0, 0.0), (1.0, 1.0)):
        axis = gains(results_of(north=site_result(*shares)), 2, everywhere=True).axis
        assert all(0 < axis.at(share) < 100 for share in (*shares, 0.6))
        assert 2 <= len(axis.ticks) <= 7
