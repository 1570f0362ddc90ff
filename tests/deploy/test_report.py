"""The report: what stands on the page for all, and what only on a site's own."""

import base64
import json
import re
import stat
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from grandrounds.cli import run_command
from grandrounds.report.embedding import embed
from grandrounds.report.gains import gains
from grandrounds.report.headline import headline
from grandrounds.report.history import history
from grandrounds.report.knowledge import LEAST_LESSONS, MOST, knowledge
from grandrounds.report.page import federation_page, site_page
from grandrounds.report.private_map import OWN, PrivateMap
from grandrounds.report.story import Story, tell
from grandrounds.report.write import write_reports
from grandrounds.results import UNDEFINED, Comparison, Privacy, Results, SiteResult
from grandrounds.simulate import compare, prepare, run
from grandrounds_client.direction import Direction
from grandrounds_protocol.records import Metrics
from grandrounds_protocol.schema import Continuous, Federation, Image
from tests.conftest import SITES, federation_toml, write_rows
from tests.deploy.test_simulate import with_failing
from tests.server.test_rounds import all_honest, federate
from tests.server.test_second_attempt import losing

Folder = Callable[..., Path]
SECTIONS = (
    "What each site gained",
    "Who taught whom",
    "What the lessons say",
    "Round by round",
    "How the lessons were written",
    "Time",
    "Privacy",
    "The run",
)
AGE = {"name": "age", "kind": "continuous", "low": 0, "high": 9}
NASTY = "<script>alert(1)</script>\"'&"


class Tables(HTMLParser):
    """Cells of each table's rows, as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in {"td", "th"} or (self.inside and tag != "table")
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """Run the wine federation once; where its pages are, and its results."""
    folder = tmp_path_factory.mktemp("wine")
    (folder / "federation.toml").write_text(federation_toml("review_min_rows = 1"))
    for part, (name, (learner, features)) in enumerate(SITES.items()):
        (folder / name).mkdir()
        write_rows(folder / name / "rows.csv", features, part)
        (folder / name / "site.toml").write_text(
            f'name = "{name}"\ndata = "rows.csv"\npatients = false\n'
            f'learner = "{learner}"\nfeatures = {features}\n'
        )
    simulation = prepare(folder, recipe="paper", rounds=2, seed=1)
    finished = run(simulation, lambda *_: None)
    results = compare(simulation, finished)
    # of an earlier run, and open to all
    earlier = folder / "sites" / "veneto" / "report.html"
    earlier.parent.mkdir(parents=True)
    earlier.touch(0o644)
    write_reports(folder, simulation, finished, results)
    return folder, results


def metrics(share: float | None, n: int = 40) -> Metrics:
    return Metrics(accuracy=share, balanced_accuracy=share, auc=None, n=n)


def site_result(before: float | None, after: float | None, **changes: object) -> SiteResult:
    part = Comparison(before=metrics(before), after=metrics(after), ensemble=metrics(0.6))
    values = {"learner": "tree", "rows": 100, "own": part, "federation": part, "received": 9}
    return SiteResult.model_validate({**values, "adopted": 5, "reason": "", **changes})


def results_of(**sites: SiteResult) -> Results:
    return Results(
        federation="made up",
        recipe="paper",
        engine="auto",
        seed=1,
        rounds=1,
        versions={"grandrounds": "0"},
        sites=sites,
        taught={},
        engines={},
        seconds={"publish": 1.0},
    )


def story_of(federation: Federation, directions: dict[str, Direction]) -> Story:
    results = results_of(north=site_result(0.5, 0.7), south=site_result(0.8, 0.6))
    return Story(results, federation, (), directions)


def lessons(change: list[list[float]], count: int = 2 * LEAST_LESSONS) -> Direction:
    sums = np.asarray(change, np.float64) * count
    return Direction(sums, np.full(len(change), count, np.int64))


def federation_of(*features: object, classes: tuple[str, ...] = ("well", "ill")) -> Federation:
    return Federation.model_validate(
        {"name": "made up", "label": "y", "classes": list(classes), "features": features}
    )


Told = tuple[Path, Results]


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


def test_own_rows_stand_only_on_their_sites_page(told: Told) -> None:
    page = read(told[0] / "report.html")
    assert "mark own" not in page
    assert "<use" not in page
    own = {name: own_marks(told[0] / "sites" / name / "report.html") for name in SITES}
    for name, marks in own.items():
        assert len(marks) > 20
        assert not any(f'x="{x}" y="{y}"' in page for x, y in marks)
        assert all(not marks & other for peer, other in own.items() if peer != name)


def own_marks(path: Path) -> set[tuple[str, str]]:
    groups = re.findall(r'<g class="mark own [^"]*">(.*?)</g>', read(path), flags=re.DOTALL)
    return {xy for group in groups for xy in re.findall(r'x="([\d.]+)" y="([\d.]+)"', group)}


def test_only_the_owner_may_read_a_sites_page(told: Told) -> None:
    for name in SITES:
        path = told[0] / "sites" / name / "report.html"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


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
    row = next(row for row in Tables(page).rows if row[:1] == ["west"])
    assert set(row[2:]) == {"\N{EN DASH}"}
    assert "None" not in page
    assert "nan" not in re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)


def test_a_loss_is_said_as_plainly_as_a_gain() -> None:
    said = headline(results_of(north=site_result(0.5, 0.7), south=site_result(0.8, 0.6)))
    assert said.main == "north (+20.0 points) gained; south (\N{MINUS SIGN}20.0 points) lost."
    said = headline(results_of(north=site_result(0.5, 0.5, adopted=0, reason="no gain")))
    assert said.main == "No site gained; no site lost; north kept the model it had."
    many = {f"s{number}": site_result(0.5, 0.7) for number in range(9)}
    assert headline(results_of(**many)).main == "9 sites gained; no site lost."


def test_privacy_figures_stand_on_the_page_and_unknown_ones_are_no_zeros() -> None:
    leaky = Privacy(
        released=40, exact_copies=7, nearer_than_holdout_p05=0.125, membership_auc=0.875
    )
    drawn = Privacy(epsilon=1.5, noise="simulated", budget=3, released=9, exact_copies=0)
    results = results_of(
        north=site_result(0.5, 0.7, privacy=leaky),
        south=site_result(0.8, 0.6, privacy=Privacy(released=0, exact_copies=0)),
        west=site_result(0.8, 0.6, privacy=drawn),
    )
    rows = Tables(federation_page(Story(results, federation_of(AGE), (), {}))).rows
    dash = "\N{EN DASH}"
    assert ["north", "40", "7", "12.5 %", "0.88", dash] in rows
    assert ["south", "0", "0", dash, dash, dash] in rows
    assert ["west", "9", "0", dash, dash, "1.5 of 3"] in rows
    assert ["all sites", dash, dash, dash, dash, dash] in rows


def test_directions_are_in_the_features_own_units() -> None:
    federation = federation_of(
        {**AGE, "low": 20, "high": 100, "unit": "years"},
        {"name": "stage", "kind": "ordinal", "levels": ["I", "II", "III", "IV"]},
        {"name": "sex", "kind": "categorical", "categories": ["f", "m"]},
    )
    (block,) = knowledge(federation, {"north": lessons([[0, 0, 0.1, 0], [0.1, -0.4, 0, 0.05]])})
    said = {(row.feature, row.category): row.bars[0].text for row in block.rows}
    assert said == {
        ("stage", ""): "\N{MINUS SIGN}1.2 levels",
        ("age", ""): "+8.0 years",
        ("sex", "f"): "\N{MINUS SIGN}10 pts",
        ("sex", "m"): "+5 pts",
    }
    assert (block.label, block.others) == ("ill", "well")
    assert block.rows[0].bars[0].reach == -1


def test_of_wide_data_the_features_that_moved_most_are_shown() -> None:
    features = [Continuous(name=f"f{at}", low=0, high=1).model_dump() for at in range(40)]
    change = [[0.0] * 40, [at / 100 for at in range(40)]]
    (block,) = knowledge(federation_of(*features), {"north": lessons(change)})
    assert [row.feature for row in block.rows] == [f"f{39 - at}" for at in range(MOST)]
    assert block.left_out == 39 - MOST


def test_more_than_two_classes_are_one_against_the_rest() -> None:
    federation = federation_of(AGE, classes=("a", "b", "c"))
    blocks = knowledge(federation, {"north": lessons([[0.1], [0.2], [0.3]])})
    assert [block.label for block in blocks] == ["a", "b", "c"]
    assert {block.others for block in blocks} == {"all other classes"}


def test_a_mean_over_few_lessons_is_not_shown() -> None:
    federation = federation_of(AGE)
    few = {"north": lessons([[0.1], [0.2]], LEAST_LESSONS - 1), "south": lessons([[0.0], [0.2]])}
    (block,) = knowledge(federation, few)
    assert (block.students, block.too_few) == (("south",), ("north",))
    assert "Too few lessons on one side to show a mean for north" in federation_page(
        story_of(federation, few)
    )


@pytest.mark.parametrize(("shape", "drawn"), [((8, 6, 1), (6, 8)), ((130, 70, 3), (24, 44))])
def test_a_change_of_images_is_drawn_as_a_small_image(
    shape: tuple[int, int, int], drawn: tuple[int, int]
) -> None:
    image = Image(kind="image", name="scan", shape=shape)
    change = np.zeros(shape)
    change[: shape[0] // 2] = 0.5
    change[-1] = -0.25
    federation = federation_of(image.model_dump())
    direction = lessons([[0.0] * image.width, change.ravel().tolist()])
    page = federation_page(story_of(federation, {"south": direction}))
    source = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(source) == 1
    picture = Pillow.open(BytesIO(base64.b64decode(source[0])))
    assert picture.size == drawn
    pixels = np.asarray(picture)
    assert pixels[0, 0, 3] == 255
    assert pixels[0, 0, 2] > pixels[0, 0, 0]
    assert "Change of scan towards ill in the lessons for south; at most 50 percent" in page


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


def test_the_scale_holds_every_figure() -> None:
    for shares in ((0.5, 0.7), (0.02, 0.97), (0.61, 0.62), (0.0, 0.0), (1.0, 1.0)):
        axis = gains(results_of(north=site_result(*shares)), 2).axis
        assert all(0 < axis.at(share) < 100 for share in (*shares, 0.6))
        assert 2 <= len(axis.ticks) <= 7


def test_the_command_ends_with_the_report(
    wine: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    assert run_command(["simulate", str(wine()), "--map", "tsne", "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"report:  {out / 'report.html'}"
    assert "t-SNE" in (out / "sites" / "veneto" / "report.html").read_text(encoding="utf-8")
    assert json.loads((out / "results.json").read_text())["federation"] == "wine"


def test_a_second_attempt_stands_under_its_round_with_those_who_made_it() -> None:
    finished, _ = federate({**all_honest(), "a": losing})
    one, two = history(finished.rounds, ("a", "b", "c"))
    assert [line.name for line in one.sites] == ["a", "b", "c"]
    assert "from now on it uses nothing of c" in one.sites[0].why
    assert [line.name for line in two.sites] == ["a"]
    results = results_of(a=site_result(0.5, 0.6), b=site_result(0.5, 0.6), c=site_result(0.5, 0.6))
    federation = Federation.model_validate(
        {"name": "f", "label": "y", "classes": ["0", "1"], "features": [AGE]}
    )
    page = federation_page(Story(results, federation, finished.rounds, {}))
    assert ">Round 1</h3>" in page
    assert ">Round 1, second attempt</h3>" in page
