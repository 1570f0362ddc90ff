"""`grandrounds bench engines`: the same work for every method, and nothing left behind."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grandrounds.bench import authors, engines, rows
from grandrounds.bench.asked import counted, floor
from grandrounds.bench.engines import fitting, measure
from grandrounds.bench.pairs import missing
from grandrounds.bench.quality import judge
from grandrounds.bench.records import CLIPPED, LOOP
from grandrounds.bench.setting import ALPHA, EPSILON
from grandrounds.bench.timing import Size, solved
from grandrounds.bench.workloads import KINDS, Workload, workload
from grandrounds.cli import run_command
from grandrounds_client.counterfactuals import gaps, target

TINY = Size(pairs=12, swarm=6, loop=2, repeats=1)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engines, "USUAL", TINY)
    monkeypatch.setattr(authors, "ITERATIONS", 20)
    monkeypatch.setattr(authors, "STEPS", 20)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def tree() -> Workload:
    return workload("tree", 40)


@pytest.fixture(scope="module")
def logistic() -> Workload:
    return workload("logistic", 40)


def test_json_is_one_document_with_every_method(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = run_command(["bench", "engines", "--json", "--only", "tree", "--only", "logistic"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    report = json.loads(captured.out)
    assert report["threads"] == 1
    assert report["cpu"]
    assert report["versions"]["grandrounds"]
    by_name = {each["name"]: each["rows"] for each in report["workloads"]}
    methods = {name: [row["method"] for row in found] for name, found in by_name.items()}
    ours = {"tree": ["exact", "swarm"], "logistic": ["linear", "adam", "swarm"]}
    assert [name for name in methods["tree"] if name != "DiCE"] == [LOOP, *ours["tree"]]
    assert [name for name in methods["logistic"] if name != "DiCE"] == [
        *(LOOP, CLIPPED),
        *ours["logistic"],
    ]
    for found in by_name.values():
        for row in found:
            assert 0 < row["low"] <= row["ms"] <= row["high"]
            assert 0 <= row["quality"]["converged"] <= 1
            assert row["quality"]["l1"] >= 0
            assert row["faster"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_table_fits_a_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["bench", "engines", "--only", "tree"]) == 0
    printed = capsys.readouterr().out
    assert "exact*" in printed
    assert LOOP in printed
    assert "seed 7" in printed
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_workload_is_refused_before_any_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["bench", "engines", "--json", "--only", "tree", "--only", "oak"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "'oak'" in captured.err
    assert "wide-net" in captured.err
    assert "training" not in captured.err


def test_pairs_miss_their_target_and_all_methods_aim_at_it(logistic: Workload) -> None:
    teacher, pairs = logistic.teacher, logistic.pairs
    start = teacher.predict_proba(pairs.x)
    np.testing.assert_array_equal(pairs.target, target(start, pairs.y, ALPHA))
    assert (gaps(start, pairs.target) > EPSILON).all()
    fewer = pairs.rows(slice(5))
    np.testing.assert_array_equal(fewer.x, pairs.x[:5])
    for method in fitting(teacher):
        assert judge(teacher, fewer, solved(method, teacher, fewer)).converged >= 0.8


def test_lessons_are_rows_that_the_teacher_gets_right(logistic: Workload) -> None:
    x, y, _ = rows.heart()
    lessons = missing(logistic.teacher, x, y, 50)
    assert (logistic.teacher.predict_proba(lessons.x).argmax(axis=1) == lessons.y).all()
    assert (logistic.teacher.predict_proba(logistic.pairs.x).argmax(1) != logistic.pairs.y).any()


def test_the_same_pairs_every_time(tree: Workload) -> None:
    again = workload("tree", 40)
    np.testing.assert_array_equal(again.pairs.x, tree.pairs.x)
    np.testing.assert_array_equal(again.pairs.y, tree.pairs.y)


def test_a_tree_has_converged_where_no_leaf_is_nearer(tree: Workload) -> None:
    leaves = tree.teacher.leaves
    assert leaves is not None
    nearest = gaps(leaves.probabilities[None], tree.pairs.target[:, None]).min(axis=1)
    np.testing.assert_allclose(tree.pairs.enough, np.maximum(nearest, EPSILON), atol=1e-5)
    moved = solved("exact", tree.teacher, tree.pairs)
    found = judge(tree.teacher, tree.pairs, moved)
    assert found.converged == 1
    assert judge(tree.teacher, tree.pairs, tree.pairs.x).converged == 0
    assert found.l1 > 0


def test_the_authors_swarm_leaves_no_trace(tree: Workload, tmp_path: Path) -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    pair = tree.pairs.rows(slice(1))
    first = authors.swarm(tree.teacher, pair.x, pair.target)
    second = authors.swarm(tree.teacher, pair.x, pair.target)
    np.testing.assert_array_equal(first, second)
    assert ((first >= 0) & (first <= 1)).all()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002
    assert list(tmp_path.iterdir()) == []


def test_the_published_rate_stays_where_it_began(
    logistic: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authors, "STEPS", 500)
    pair = logistic.pairs.rows(slice(1))
    published = authors.adam(logistic.teacher, pair.x, pair.target)
    assert np.abs(published - pair.x).max() <= 500 * authors.RATE * 1.01
    faster = authors.clipped_adam(logistic.teacher, pair.x, pair.target)
    assert (
        judge(logistic.teacher, pair, faster).objective
        < judge(logistic.teacher, pair, published).objective
    )


def test_what_is_asked_of_a_teacher_is_counted(logistic: Workload) -> None:
    teacher, asked = counted(logistic.teacher)
    teacher.predict_proba(logistic.pairs.x)
    assert (asked.answers, asked.gradients) == (40, 0)
    solved("linear", teacher, logistic.pairs)
    assert asked.gradients >= 40
    assert floor(logistic.teacher, logistic.pairs.x, asked) > 0


def test_without_the_example_rows_are_made_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "heart example" in rows.heart()[2]
    monkeypatch.setattr(rows, "HEART", tmp_path)
    x, y, says = rows.heart()
    assert "not installed" in says
    assert x.shape == (920, 25)
    assert set(np.unique(y)) == {0, 1}
    measured = measure("tree", TINY, lambda _: None)
    assert measured.rows[-2].quality.converged == 1
    assert "not installed" in measured.says


@pytest.mark.parametrize("rows_of", [rows.car, rows.digits])
def test_rows_are_encoded(rows_of: Callable[[], rows.Labelled]) -> None:
    x, y, _ = rows_of()
    assert x.dtype == np.float32
    assert ((x >= 0) & (x <= 1)).all()
    assert len(x) == len(y)


def test_every_kind_names_a_learner() -> None:
    assert {"tree", "naive-bayes", "svm", "logistic", "mlp"} <= set(KINDS)
    assert {"forest", "boosting", "wide-tree", "wide-net", "images"} <= set(KINDS)
