"""The page for all: its sections, its figures, and what anybody may put into it."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from grandrounds.cli import run_command
from grandrounds.report.page import federation_page
from grandrounds.report.private_map import OWN, PrivateMap
from grandrounds.report.simulated import tell
from grandrounds.report.site_page import site_page
from grandrounds.report.story import Story
from grandrounds.report.write import write_reports
from grandrounds.results import UNDEFINED, Comparison, Results
from grandrounds.simulate import compare, prepare, run
from tests.conftest import SITES
from tests.deploy.report.made import AGE, Tables, federation_of, lessons, site_result, story_of
from tests.deploy.test_simulate import with_failing

Folder = Callable[..., Path]
Told = tuple[Path, Results]
SECTIONS = (
    "Gain and leakage",
    "What each site gained",
    "Who taught whom",
    "What the lessons say",
    "Round by round",
    "How the lessons were written",
    "Time",
    "The run",
)
NASTY = "<script>alert(1)</script>\"'&"


def test_every_section_stands_with_how_to_read_it(told: Told) -> None:
    folder, _ = told
    page = read(folder / "report.html")
    assert tuple(unescape(title) for title in re.findall(r"<h2[^>]*>(.*?)</h2>", page)) == SECTIONS
    assert page.count("How to read this") == len(SECTIONS)
    for name in SITES:
        private = read(folder / "sites" / name / "report.html")
        assert all(title in private for title in SECTIONS)
        assert "Your rows and what you were taught" in private
        assert "do not share" in private


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_numbers_are_those_of_the_results(told: Told) -> None:
    folder, results = told
    page = read(folder / "report.html")
    rows = Tables(page).rows
    shown = [row for row in rows if len(row) == 10]
    for name, site in results.sites.items():
        for part in (site.own, site.federation):
            assert any(agrees(row, name, part) for row in shown)
        total = sum(results.taught[name].values())
        assert any(row[0] == name and row[-1] == f"{total:,}" for row in rows)
    everything = sum(sum(row.values()) for row in results.taught.values())
    assert f"{everything:,} virtual rows" in page


def agrees(row: list[str], name: str, part: Comparison) -> bool:
    """Whether a row of ten holds name, rows, and for both figures before, after, ensemble."""
    models = (part.before, part.after, part.ensemble)
    shares = [model.balanced_accuracy for model in models] + [model.accuracy for model in models]
    without_changes = [row[at] for at in (2, 3, 5, 6, 7, 9)]
    said = [f"{100 * share:.1f}" for share in shares if share is not None]
    return row[:2] == [name, str(part.after.n)] and without_changes == said


def test_the_same_run_gives_the_same_page_but_for_the_times(wine: Folder) -> None:
    folder = wine()
    pages = []
    for _ in "ab":
        simulation = prepare(folder, seed=2)
        finished = run(simulation, lambda *_: None)
        still = compare(simulation, finished).model_copy(update={"seconds": {}})
        pages.append(
            federation_page(tell(still, simulation.federation, finished, simulation.sites))
        )
    assert pages[0] == pages[1]


def test_nothing_on_any_page_asks_a_network(told: Told) -> None:
    pages = sorted(told[0].rglob("report.html"))
    assert len(pages) == 1 + len(SITES)
    for path in pages:
        page = read(path)
        assert "default-src 'none'" in page
        assert not re.search(r"https?:|<script|<link|<iframe|@import|url\(", page)
        assert not re.search(r'\bhref="(?!#)|\bsrc="(?!data:image/png)', page)


def test_names_from_peers_are_escaped() -> None:
    federation = federation_of(
        {**AGE, "name": f"f{NASTY}", "unit": NASTY},
        {"name": f"c{NASTY}", "kind": "categorical", "categories": [f"a{NASTY}", "b"]},
        {"name": f"i{NASTY}", "kind": "image", "shape": [2, 2]},
        classes=(f"well{NASTY}", f"ill{NASTY}", f"dead{NASTY}"),
    )
    story = story_of(federation, {"north": lessons([[0.1] * 7, [0.3] * 7, [0.2] * 7])})
    odd = story.results.model_copy(update={"federation": NASTY, "stopped": NASTY})
    story = Story(odd, federation, (), story.directions)
    rows = np.array([0, 1, 2], np.int32)
    found = PrivateMap("pca", 0.5, np.zeros((3, 2)), rows, np.full(3, OWN, np.int32), 3, 0)
    for page in (federation_page(story), site_page(story, "north", found)):
        assert "<script" not in page
        assert f"ill{NASTY}" in unescape(page)
        assert not re.search(r'="[^"<]*<', page)


def test_a_site_that_fails_stands_there_with_its_reason(wine: Folder, tmp_path: Path) -> None:
    simulation = with_failing(prepare(wine(), recipe="paper"), "tuscany", 1)
    finished = run(simulation, lambda *_: None)
    results = compare(simulation, finished)
    page = write_reports(tmp_path, simulation, finished, results).read_text(encoding="utf-8")
    assert "tuscany has no figures of its own" in page
    assert "publish: the site&#39;s own work raised an error" in page
    assert ">failed<" in page
    assert "74.813" not in page
    private = (tmp_path / "sites" / "tuscany" / "report.html").read_text(encoding="utf-8")
    assert "No model was trained on virtual rows here" in private


def test_an_undefined_figure_is_a_dash_that_is_explained() -> None:
    federation = federation_of(AGE)
    whole = story_of(federation, {})
    assert "not a zero" not in federation_page(whole)
    nothing = Comparison(before=UNDEFINED, after=UNDEFINED, ensemble=UNDEFINED)
    sites = {**whole.results.sites, "west": site_result(None, None, own=nothing)}
    page = federation_page(
        Story(whole.results.model_copy(update={"sites": sites}), federation, (), {})
    )
    assert "a figure that does not exist, not a zero" in unescape(page)
    row = next(row for row in Tables(page).rows if row[:1] == ["west"] and len(row) == 10)
    assert set(row[2:]) == {"\N{EN DASH}"}
    assert "None" not in page
    assert "nan" not in re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)


def test_the_command_ends_with_the_report(
    wine: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    assert run_command(["simulate", str(wine()), "--map", "tsne", "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"report:  {out / 'report.html'}"
    assert "t-SNE" in (out / "sites" / "veneto" / "report.html").read_text(encoding="utf-8")
    assert json.loads((out / "results.json").read_text())["federation"] == "wine"
