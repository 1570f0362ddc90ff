"""Models and arrays that teach each other, without a federation's folder."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import grandrounds
from grandrounds_client.counterfactuals import Problem, Solution
from grandrounds_client.recipes import Classroom, Lessons
from grandrounds_client.recipes.paper import paper
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadInput
from tests.same import same

ROOT = Path(__file__).parents[2]
X, Y = load_wine(return_X_y=True)


def sites(**changes: Any) -> dict[str, Any]:
    given = {
        "north": (DecisionTreeClassifier(min_samples_leaf=5), X[0::3], Y[0::3]),
        "south": (GaussianNB(), X[1::3], Y[1::3]),
        "west": (LogisticRegression(max_iter=1000), X[2::3], Y[2::3]),
    }
    return {**given, **changes}


def cooperate(given: dict[str, Any], **options: Any) -> grandrounds.Outcome:
    return grandrounds.cooperate(given, **{"seed": 1, "review_min_rows": 2, **options})


def code_in(page: str, at: int = 0) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return str(found[at])


def test_the_readmes_example_runs_in_under_fifteen_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = code_in("README.md")
    assert len([line for line in code.splitlines() if line.strip()]) < 15
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102
    assert re.search(r"north: \d+\.\d -> \d+\.\d \(ensemble", capsys.readouterr().out)


def test_the_researchers_example_of_own_callables_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec(compile(code_in("docs/researcher.md", -1), "researcher.md", "exec"), {})  # noqa: S102
    assert "south:" in capsys.readouterr().out


def test_the_models_answer_in_the_callers_units_and_labels() -> None:
    names = np.array(["barolo", "grignolino", "barbera"])[Y]
    given = {
        name: (learner, x, names[i::3]) for i, (name, (learner, x, _)) in enumerate(sites().items())
    }
    outcome = cooperate(given, recipe="paper")
    predicted = outcome.models["west"].predict(X[2::3])
    assert set(predicted) <= {"barolo", "grignolino", "barbera"}
    assert (predicted == names[2::3]).mean() > 0.9
    rows, labels = outcome.lessons["west"]
    assert rows.shape == (outcome.results.sites["west"].adopted, X.shape[1])
    assert len(rows) == len(labels)


def test_the_same_seed_gives_the_same_outcome() -> None:
    one, two = (cooperate(sites(), rounds=2).results for _ in "ab")
    assert same(one) == same(two)


def test_a_column_of_nan_is_a_feature_the_site_does_not_have() -> None:
    without = X[0::3].copy()
    without[:, 6] = np.nan
    outcome = cooperate(sites(north=(DecisionTreeClassifier(), without, Y[0::3])))
    rows = X[:20].copy()
    before = outcome.models["north"].predict_proba(rows)
    rows[:, 6] = rows[::-1, 6]
    assert np.array_equal(outcome.models["north"].predict_proba(rows), before)


def test_a_recipe_of_ones_own_is_used() -> None:
    seen: list[int] = []

    def mine(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
        seen.append(classroom.models)
        return paper(classroom, rng)

    outcome = cooperate(sites(), recipe=mine)
    assert seen == [3, 3, 3]
    assert outcome.results.recipe == "mine"
    assert outcome.results.taught == cooperate(sites(), recipe="paper").results.taught


def test_private_takes_bounds_that_were_not_learned_from_rows() -> None:
    given = sites()
    width = next(iter(given.values()))[1].shape[1]
    with pytest.raises(BadInput, match="needs bounds"):
        cooperate(given, recipe="private")
    bounds = [0.0] * width, [5000.0] * width
    outcome = cooperate(given, recipe="private", bounds=bounds, privacy_epsilon=8.0)
    assert outcome.results.privacy.epsilon == 8.0
    assert outcome.results.privacy.noise == "simulated"


def test_an_engine_of_ones_own_is_used_and_held_to_the_rules() -> None:
    def out_of_the_box(teacher: Teacher, problem: Problem, rng: np.random.Generator) -> Solution:  # noqa: ARG001
        rows = len(problem.x)
        return Solution(problem.x + 5, np.ones(rows, np.float32), np.zeros(rows, np.bool_))

    outcome = cooperate(sites(), recipe="paper", engine=out_of_the_box)
    assert outcome.results.stopped == ""
    for rows, _ in outcome.lessons.values():
        assert (rows >= X.min(axis=0) - 1e-3).all()
        assert (rows <= X.max(axis=0) + 1e-3).all()


def test_a_learner_may_be_a_function() -> None:
    seeds: list[int] = []

    def stump(x: Any, y: Any, weight: Any, seed: int) -> Any:
        seeds.append(seed)
        return DecisionTreeClassifier(max_depth=1).fit(x, y, sample_weight=weight)

    outcome = cooperate(sites(north=(stump, X[0::3], Y[0::3])))
    assert seeds
    assert outcome.results.sites["north"].learner == "stump"


@pytest.mark.parametrize(
    "learner",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(MinMaxScaler(), RandomForestClassifier(5)),
        ExtraTreesClassifier(5),
    ],
)
def test_common_classifiers_take_part_and_all_their_seeds_are_set(learner: Any) -> None:
    given = sites(north=(learner, X[0::3], Y[0::3]))
    one, two = (cooperate(given) for _ in "ab")
    assert same(one.results) == same(two.results)
    rows = X[:30]
    assert np.array_equal(
        one.before["north"].predict_proba(rows), two.before["north"].predict_proba(rows)
    )


def broken(x: Any, y: Any, weight: Any, seed: int) -> Any:  # noqa: ARG001
    raise ValueError("my own bug")


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (KNeighborsClassifier(), "KNeighborsClassifier cannot take part"),
        (SVC(), "SVC cannot take part"),
        (broken, "broken cannot take part: ValueError: my own bug"),
        (DecisionTreeClassifier, "DecisionTreeClassifier is a class"),
    ],
)
def test_a_learner_that_cannot_take_part_is_told_with_the_reason(learner: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        cooperate(sites(north=(learner, X[0::3], Y[0::3])))


def test_a_model_whose_export_differs_is_refused() -> None:
    two = Y < 2
    x, y = X[two], Y[two]
    given = {
        "north": (LinearDiscriminantAnalysis(), x[0::2], y[0::2]),
        "south": (GaussianNB(), x[1::2], y[1::2]),
    }
    with pytest.raises(BadInput, match="export as ONNX differs"):
        cooperate(given)


def test_what_a_recipe_of_ones_own_raises_comes_back() -> None:
    def mine(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:  # noqa: ARG001
        raise ZeroDivisionError("my own bug")

    with pytest.raises(ZeroDivisionError, match="my own bug"):
        cooperate(sites(), recipe=mine)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ({"north": sites()["north"]}, {}, "at least two sites"),
        (sites(north=(GaussianNB(), X[0::3, :4], Y[0::3])), {}, "same D"),
        (sites(north=(GaussianNB(), X[0::3], Y[1::3][:-1])), {}, "X must be"),
        (sites(north=(GaussianNB(), X[:5], np.zeros(5))), {}, "one class"),
        (sites(), {"rounds": -1}, "rounds"),
        (sites(), {"recipe": "magic"}, "magic"),
        (sites(), {"engine": "magic"}, "magic"),
        (sites(), {"colour": 3}, "unknown field"),
        ({"a/b": sites()["north"], "c": sites()["south"]}, {}, "name"),
    ],
)
def test_what_does_not_fit_is_told(
    given: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        cooperate(given, **options)
