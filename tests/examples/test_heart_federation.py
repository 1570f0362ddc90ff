"""The four hospitals teach each other, on the data that is shipped."""

from pathlib import Path

import pytest

from grandrounds.results import Results
from grandrounds.simulate import prepare, simulate
from tests.same import same

HEART = Path(__file__).parents[2] / "deploy" / "examples" / "heart"


def run(recipe: str, seed: int = 7) -> Results:
    return simulate(prepare(HEART, recipe=recipe, rounds=2, seed=seed), lambda *_: None)


@pytest.fixture(scope="module", params=["paper", "guarded", "private"])
def results(request: pytest.FixtureRequest) -> Results:
    return run(request.param)


def test_four_hospitals_with_four_kinds_of_models_take_part(results: Results) -> None:
    learners = {name: site.learner for name, site in results.sites.items()}
    assert learners == {
        "cleveland": "tree",
        "hungarian": "naive-bayes",
        "switzerland": "svm",
        "va": "mlp",
    }
    assert [site.rows for site in results.sites.values()] == [303, 294, 123, 200]
    assert results.stopped == ""


def test_everybody_teaches_and_somebody_learns(results: Results) -> None:
    for teacher, students in results.taught.items():
        assert set(students) == set(results.sites) - {teacher}
    assert any(site.adopted for site in results.sites.values())


def test_the_same_seed_gives_the_same_results(results: Results) -> None:
    again = run(results.recipe)
    assert same(again) == same(results)


def test_the_weakest_hospital_gains_on_the_patients_of_all(results: Results) -> None:
    compared = [site.federation for site in results.sites.values()]
    weakest = min(compared, key=lambda one: one.before.balanced_accuracy or 1.0)
    assert weakest.before.balanced_accuracy is not None
    assert weakest.after.balanced_accuracy is not None
    assert weakest.after.balanced_accuracy > weakest.before.balanced_accuracy + 0.04
