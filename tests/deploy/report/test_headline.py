"""The first sentences of a report: who adopted, who kept its model and why, who lost."""

from grandrounds.report.headline import headline, headline_of
from tests.deploy.report.made import MINUS, compared, results_of, site_result

KEPT = {"adopted": 0, "verdict": "no gain"}


def test_who_adopted_stands_with_what_it_brought_at_home_and_everywhere() -> None:
    north = site_result(0.5, 0.49, federation=compared(0.5, 0.578), verdict="no gain")
    said = headline(results_of(north=north, south=site_result(0.8, 0.8, **KEPT)))
    assert said.main == (
        f"north ({MINUS}1.0 points on its own held-out rows, +7.8 on those of all sites) "
        "adopted what it was taught; south kept the model it had."
    )


def test_a_coordinator_that_knows_nothing_of_all_sites_rows_says_nothing_of_them() -> None:
    unknown = compared(None, None)
    north, south = (site_result(0.5, after, federation=unknown) for after in (0.7, 0.6))
    assert headline(results_of(north=north, south=south)).main == (
        "north (+20.0 points on its own held-out rows) and south (+10.0) "
        "adopted what they were taught."
    )


def test_who_kept_its_model_stands_with_the_reason_said_once_for_all_of_a_kind() -> None:
    kept = site_result(0.5, 0.5, **KEPT)
    vetoed = site_result(0.5, 0.5, adopted=0, verdict="vetoed by own rule")
    few = site_result(0.5, 0.5, adopted=0, verdict="too few reviewers")
    said = headline(results_of(north=kept, south=vetoed, east=kept, west=few))
    assert said.main.startswith("No site adopted what it was taught; north, south, east and west")
    assert (
        "Not adopted by north and east: the reviewers saw no gain; by south: too large a loss on "
        "its own validation rows, by its own rule; by west: fewer than three sites could judge."
    ) in said.aside


def test_a_loss_is_said_as_plainly_as_a_gain() -> None:
    north, south = site_result(0.5, 0.7), site_result(0.8, 0.6)
    said = headline(results_of(north=north, south=south))
    assert said.main == (
        "north (+20.0 points on its own held-out rows, +20.0 on those of all sites) and "
        f"south ({MINUS}20.0, {MINUS}20.0) adopted what they were taught."
    )
    assert said.aside.startswith("south lost 20.0 points on its own 40 held-out rows.")
    assert headline(results_of(north=north)).aside.startswith("Nobody lost on its own")


def test_many_sites_are_counted() -> None:
    many = {f"s{number}": site_result(0.5, 0.7 if number else 0.4) for number in range(9)}
    said = headline(results_of(**many))
    assert said.main == (
        "9 sites adopted what they were taught: on their own held-out rows 8 gained and 1 lost."
    )


def test_who_has_no_figures_is_neither_said_to_have_adopted_nor_kept() -> None:
    nothing = site_result(None, None, adopted=0)
    said = headline(results_of(north=nothing, south=site_result(0.5, 0.7)))
    assert said.main.endswith("adopted what it was taught; north has no figures of its own.")


def test_a_sites_own_page_says_why_it_kept_its_model() -> None:
    results = results_of(
        north=site_result(0.5, 0.5, **KEPT),
        south=site_result(0.5, 0.7, federation=compared(0.5, 0.6)),
        west=site_result(None, None, adopted=0),
    )
    assert headline_of(results, "north").main == (
        "north kept the model it had: the reviewers saw no gain."
    )
    assert headline_of(results, "south").main == (
        "south adopted what it was taught: +20.0 points on its own held-out rows, "
        "+10.0 on those of all sites."
    )
    assert headline_of(results, "west").main == "west has no figures of its own in this run."
