"""What the gate does to a federation's lessons, measured."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from grandrounds.bench.gating import measure_gating, show


@pytest.mark.parametrize("recipe", ["paper", "guarded"])
def test_what_leaves_holds_no_copy_and_the_shares_add_up(
    wine: Callable[..., Path], recipe: str
) -> None:
    measured = measure_gating(wine(), recipe, seeds=1)
    assert {one.site for one in measured} == {"piedmont", "tuscany", "veneto"}
    opened = [one for one in measured if not one.closed and one.written]
    assert opened
    for one in opened:
        assert one.released is not None
        assert one.refused is not None
        assert one.released + one.refused == pytest.approx(1)
        assert one.copies_after in (None, 0)
    assert any(one.pushed or one.refused for one in opened)
    shown = StringIO()
    show(Console(file=shown, width=120), measured)
    assert "veneto" in shown.getvalue()
