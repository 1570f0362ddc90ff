"""What the figures mean, on trials written by hand."""

import pytest

from grandrounds.bench.learning.contestants import RIVALS
from grandrounds.bench.learning.figures import base_of, line_of
from grandrounds.bench.learning.records import Played, Trial
from grandrounds_protocol.records import Metrics

BASE = {"loso/a/b": 0.5, "loso/a/c": 0.6}
AFTER = ({"loso/a/b": 0.7, "loso/a/c": 0.5}, {"loso/a/b": 0.5, "loso/a/c": 0.5})
"""Of two seeds: +.2 and -.1, then 0 and -.1."""


ADOPTED = ({"loso/a/b": 0.5, "loso/a/c": 0.6}, {"loso/a/b": 0.5, "loso/a/c": 0.5})
"""0 and 0, then 0 and -.1."""


def metrics(scores: dict[str, float]) -> dict[str, Metrics]:
    return {
        cell: Metrics(accuracy=score, balanced_accuracy=score, auc=None, n=10)
        for cell, score in scores.items()
    }


def trial(seed: int) -> Trial:
    played = Played(
        before_review=metrics(AFTER[seed]),
        adopted=metrics(ADOPTED[seed]),
        rows={"b": 10, "c": 20},
        adopters=("b",),
        refused={"c": "ModelHoldsRows"},
    )
    return Trial(
        seed=seed,
        world="without a",
        base=metrics(BASE),
        contestants={"mixup": played, "fedavg": None},
        failed={"pooled": "ValueError at here:1"},
        seconds=0.0,
    )


TRIALS = [trial(0), trial(1)]


def test_changes_are_paired_by_seed_and_cell() -> None:
    line = line_of(TRIALS, "mixup", RIVALS["mixup"])
    change = line.before_review["loso"]["balanced_accuracy"]
    assert change is not None
    # means over cells: .05 and -.05
    assert change.change.median == pytest.approx(0.0)
    assert (change.change.low, change.change.high) == pytest.approx((-0.025, 0.025))
    assert (change.wins, change.losses) == (0.25, 0.5)
    assert change.worst == pytest.approx(-0.1)
    assert change.worst_cell == "loso/a/c"
    assert change.cells == pytest.approx({"loso/a/b": 0.1, "loso/a/c": -0.1})
    assert line.adopted is not None
    same = line.adopted["loso"]["accuracy"]
    assert same is not None
    assert (same.wins, same.losses) == (0, 0.25)
    assert same.worst == pytest.approx(-0.05)
    assert line.before_review["loso"]["auc"] is None
    assert line.before_review["own"]["accuracy"] is None


def test_of_cells_with_equal_medians_the_lower_mean_is_the_lowest() -> None:
    three = [*TRIALS, TRIALS[0].model_copy(update={"seed": 2})]
    line = line_of(three, "mixup", RIVALS["mixup"])
    assert line.adopted is not None
    change = line.adopted["loso"]["accuracy"]
    assert change is not None
    assert set(change.cells.values()) == {0}
    assert change.worst_cell == "loso/a/c"


def test_a_line_counts_rows_adoptions_and_what_went_wrong() -> None:
    line = line_of(TRIALS, "mixup", RIVALS["mixup"])
    assert (line.rows, line.adoptions, line.refused) == (15, 0.5, 2)
    assert line_of(TRIALS, "pooled", RIVALS["pooled"]).failed == {"ValueError at here:1": 2}
    assert line_of(TRIALS, "fedavg", RIVALS["fedavg"]).absent == 2


def test_no_distillation_is_shown_as_it_is() -> None:
    base = base_of(TRIALS)["loso"]["accuracy"]
    assert base is not None
    assert base.median == pytest.approx(0.55)
