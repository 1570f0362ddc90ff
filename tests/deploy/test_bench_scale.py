"""`grandrounds bench scale`: what it measures, and what it says of it."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from grandrounds.bench import scale, scale_sites
from grandrounds.bench.scale_federation import LEARNERS, ROWS, write_federation
from grandrounds.bench.scale_measure import Measured
from grandrounds.cli import run_command
from grandrounds.folder import read_folder
from grandrounds_protocol.records import PHASES


def measured(sites: int, jobs: int, rounds: int) -> Measured:
    """Make up figures: a tenth of a second and a megabyte for each site."""
    return Measured(
        sites=sites,
        jobs=jobs,
        rounds=rounds,
        seconds=sites / 10,
        setup_seconds=1.0,
        cpu_seconds=sites / 5,
        coordinator_before=400_000_000,
        coordinator_peak=500_000_000,
        everything_peak=1_500_000_000,
        phase_seconds=dict.fromkeys(PHASES, sites / 50),
        sent=dict.fromkeys(PHASES, 100_000 * sites),
        received=dict.fromkeys(PHASES, 100_000 * sites),
        counterfactuals=2000 * sites,
        adopted=sites,
        failed=0,
        stopped="",
    )


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_sites, "measure", measured)


@pytest.mark.usefixtures("made_up")
def test_a_site_that_costs_the_same_at_every_size_gives_exponents_of_zero(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "plots"
    arguments = ["bench", "scale", "--only", "sites", "--json", "--out", str(out)]
    assert run_command(arguments) == 0
    read = json.loads(capsys.readouterr().out)["sites"]
    assert [each["sites"] for each in read["sizes"]] == [10, 100, 1000]
    for name in ("seconds", "cpu", "bytes"):
        assert read[f"{name}_exponent"] == pytest.approx(0, abs=1e-9)
    svg = ET.fromstring((out / "scale-sites.svg").read_text())  # noqa: S314 (our own)
    assert len(svg.findall(".//{*}circle")) == 9


@pytest.mark.usefixtures("made_up")
def test_people_get_a_table_and_the_exponents(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["bench", "scale", "--only", "sites", "--full"]) == 0
    captured = capsys.readouterr()
    assert "1,000" in captured.out
    assert "2,000,000" in captured.out
    assert "Per site of n, wall time as n^" in captured.out
    assert "2 rounds" in captured.err
    assert max(len(line) for line in captured.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "nothing"], "choose among cover, distill, sites"),
        (["--only", "sites", "--sites", "1"], "at least two sites"),
    ],
)
def test_what_cannot_be_measured_is_told(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["bench", "scale", *options]) == 2
    assert said in capsys.readouterr().err


def test_the_made_federation_is_the_same_again_and_a_site_the_same_in_any(tmp_path: Path) -> None:
    for name, sites in (("one", 8), ("two", 8), ("more", 9)):
        (tmp_path / name).mkdir()
        write_federation(tmp_path / name, sites)

    def text(path: str) -> str:
        return (tmp_path / path).read_text()

    assert text("one/federation.toml") == text("two/federation.toml")
    assert text("one/site-0007.csv") == text("two/site-0007.csv") == text("more/site-0007.csv")
    assert text("one/site-0000.csv") != text("one/site-0007.csv")
    assert len(text("one/site-0000.csv").splitlines()) == ROWS + 1
    sites_read = read_folder(tmp_path / "one").sites
    assert {site.settings.learner_name for site in sites_read} == set(LEARNERS)


@pytest.mark.slow
def test_a_small_federation_is_measured_in_processes_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["bench", "scale", "--only", "sites", "--sites", "3", "--json"]) == 0
    (size,) = json.loads(capsys.readouterr().out)["sites"]["sizes"]
    assert (size["sites"], size["rounds"], size["failed"], size["stopped"]) == (3, 1, 0, "")
    assert size["counterfactuals"] > 0
    # of publish, each model once; on its way to distill, each twice
    assert size["sent"]["distill"] > 1.5 * size["received"]["publish"] > 0
    assert 0 < size["coordinator_before"] <= size["coordinator_peak"] < size["everything_peak"]
    assert size["cpu_seconds"] > 0


def test_covers_and_the_distill_phase_are_told_in_tables_and_json() -> None:
    size = scale.Size(rows=200, covered=(60,), radii=(2.0,))
    notes: list[str] = []
    report = scale.run(["cover", "distill"], size, notes.append)
    console = Console(width=80, record=True, file=StringIO())
    scale.show(console, report)
    said = console.export_text()
    assert "Set covers of rows of 275 columns" in said
    assert "Distill phase: 200 x 275 rows" in said
    assert "% of the phase's processor time" in " ".join(said.split())
    assert max(len(line) for line in said.splitlines()) <= 80
    read = json.loads(report.to_json())
    assert {one["method"] for one in read["cover"]} == {"greedy", "net"}
    assert [one["apart"] for one in read["distill"]] == [True, True, False]
