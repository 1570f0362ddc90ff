"""What a person sees at the end of a run."""

from io import StringIO

from rich.console import Console

from grandrounds.results import Privacy
from grandrounds.terminal import show
from tests.deploy.report.made import compared, results_of, site_result


def test_the_end_of_a_run_shows_gain_beside_leakage_in_eighty_columns() -> None:
    drawn = Privacy(
        epsilon=3,
        budget=3,
        noise="simulated",
        released=1620,
        exact_copies=2,
        nearer_than_holdout_p05=0.0104,
        membership_auc=0.598,
    )
    site = site_result(0.868, 0.9, federation=compared(0.748, 0.7), adopted=1110, privacy=drawn)
    screen = StringIO()
    show(
        Console(file=screen, width=80),
        results_of(switzerland=site).model_copy(update={"privacy": drawn}),
    )
    rows = [line.split() for line in screen.getvalue().splitlines()]
    leakage = ["1620", "2", "1.0", ".60", "3", "of", "3"]
    assert ["switzerland", "86.8→90.0", "74.8→70.0", "1110", *leakage] in rows
    assert ["all", *leakage] in rows
