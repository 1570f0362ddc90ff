"""Round by round: who made which attempt, and what came of it."""

from grandrounds.report.history import history
from grandrounds.report.page import federation_page
from grandrounds.report.story import Story
from tests.deploy.report.made import AGE, federation_of, results_of, site_result
from tests.server.test_rounds import all_honest, federate
from tests.server.test_second_attempt import losing


def test_a_second_attempt_stands_under_its_round_with_those_who_made_it() -> None:
    finished, _ = federate({**all_honest(), "a": losing})
    one, two = history(finished.rounds, ("a", "b", "c"))
    assert [line.name for line in one.sites] == ["a", "b", "c"]
    assert "from now on it uses nothing of c" in one.sites[0].why
    assert [line.name for line in two.sites] == ["a"]
    results = results_of(a=site_result(0.5, 0.6), b=site_result(0.5, 0.6), c=site_result(0.5, 0.6))
    page = federation_page(Story(results, federation_of(AGE), finished.rounds, {}))
    assert ">Round 1</h3>" in page
    assert ">Round 1, second attempt</h3>" in page
    assert page.count('<th scope="col">Sent</th>') == 1  # nobody writes lessons in a second attempt
    assert page.count('aria-label="Engines of round 1"') == 1
