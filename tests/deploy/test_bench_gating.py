"""What the gate does to a federation's lessons, measured, and what that costs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grandrounds.bench.gate_cost import costs, finished
from grandrounds.bench.gating import measure_gating
from grandrounds.cli import run_command


@pytest.mark.parametrize("recipe", ["paper", "guarded"])
def test_what_leaves_holds_no_copy_and_the_shares_add_up(
    wine: Callable[..., Path], recipe: str
) -> None:
    measured = measure_gating(wine(), recipe, 1, lambda _: None)
    assert {one.site for one in measured} == {"piedmont", "tuscany", "veneto"}
    opened = [one for one in measured if not one.closed and one.written]
    assert opened
    for one in opened:
        assert one.released is not None
        assert one.refused is not None
        assert one.released + one.refused == pytest.approx(1)
        assert one.copies_after in (None, 0)
    if recipe == "guarded":  # with the classes levelled, a class of so few rows is a small cell
        assert not any(one.released for one in opened)
    assert all(one.distance is not None for one in opened if one.released)


def test_a_recipe_costs_nothing_beside_itself(wine: Callable[..., Path]) -> None:
    folder = wine()
    paper = finished(folder, "paper", 3, patients=False)
    gated = finished(folder, "guarded", 3, patients=True)
    same, other = (costs([paper], [each]) for each in (paper, gated))
    for cost in same.values():
        assert cost.paper == cost.gated
    both = [
        (left.own.before, left.own.after)
        for left, alone in zip(gated.sites.values(), paper.sites.values(), strict=True)
        if left.own.after.n and alone.own.after.n
    ]
    assert other["own accuracy"].alone == pytest.approx(
        [100 * np.mean([before.accuracy for before, _ in both])]
    )
    assert other["own balanced"].gated == pytest.approx(
        [100 * np.mean([after.balanced_accuracy for _, after in both])]
    )
    # the gate's setting reaches the sites
    assert all(site.gate is None for site in paper.sites.values())
    assert any(site.gate is not None for site in gated.sites.values())


def test_the_command_prints_what_is_released_and_what_it_costs(
    wine: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["bench", "gate", str(wine()), "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "veneto" in printed
    assert "federation balanced" in printed
    assert "quartiles" in printed
