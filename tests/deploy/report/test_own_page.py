"""A site's own page: its rows stand there and nowhere else, on a map."""

import re
import stat
from pathlib import Path

import numpy as np
import pytest

from grandrounds.report.embedding import embed
from grandrounds.results import Results
from tests.conftest import SITES

Told = tuple[Path, Results]


def test_own_rows_stand_only_on_their_sites_page(told: Told) -> None:
    page = (told[0] / "report.html").read_text()
    assert "mark own" not in page
    assert "<use" not in page
    own = {name: own_marks(told[0] / "sites" / name / "report.html") for name in SITES}
    for name, marks in own.items():
        assert len(marks) > 20
        assert not any(f'x="{x}" y="{y}"' in page for x, y in marks)
        assert all(not marks & other for peer, other in own.items() if peer != name)


def own_marks(path: Path) -> set[tuple[str, str]]:
    groups = re.findall(r'<g class="mark own [^"]*">(.*?)</g>', path.read_text(), flags=re.DOTALL)
    return {xy for group in groups for xy in re.findall(r'x="([\d.]+)" y="([\d.]+)"', group)}


def test_only_the_owner_may_read_a_sites_page(told: Told) -> None:
    for name in SITES:
        path = told[0] / "sites" / name / "report.html"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("shape", [(1, 3), (5, 1), (6, 4), (40, 5)])
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_stays_in_its_frame_and_is_the_same_again(
    shape: tuple[int, int], method: str
) -> None:
    x = np.random.default_rng(1).random(shape).astype(np.float32)
    one, two = (embed(x, method, 3) for _ in "ab")  # type: ignore[arg-type]
    assert one.xy.shape == (len(x), 2)
    assert one.xy.min() >= 0
    assert one.xy.max() <= 1
    assert np.array_equal(one.xy, two.xy)


def test_a_map_of_rows_that_are_all_alike_is_one_point() -> None:
    assert np.isfinite(embed(np.full((5, 3), 0.5, np.float32), "pca", 0).xy).all()
