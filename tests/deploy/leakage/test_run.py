"""`grandrounds bench leakage`: all attacks on one federation, and what it says of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grandrounds.bench.leakage import run as bench
from grandrounds.bench.leakage.run import ATTACKS, Size, measure
from grandrounds.bench.leakage.table import show
from grandrounds.cli import run_command

Folder = Callable[..., Path]
SMALL = Size(seeds=2, shadows=4)


TREES = {"tuscany": "tree", "veneto": "tree"}
"""Lessons of trees are found in no time."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "USUAL", SMALL)


def closed(folder: Path, name: str) -> None:
    """Make all rows of a site the same but for their class: its gate cannot open."""
    path = folder / name / "rows.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    first = lines[0].rpartition(",")[0]
    same = [f"{first},{line.rpartition(',')[2]}" for line in lines]
    path.write_text("\n".join([head, *same]), encoding="utf-8")
    settings = folder / name / "site.toml"
    settings.write_text(settings.read_text().replace("patients = false", "patients = true"))


@pytest.mark.slow
def test_every_attack_is_run_and_a_silent_site_is_said_to_be_one(
    wine: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = wine(**TREES)
    closed(folder, "veneto")
    options = ["--recipe", "paper", "--seeds", "2", "--json"]
    assert run_command(["bench", "leakage", str(folder), *options]) == 0
    said = capsys.readouterr()
    assert "paper: attacked run 2 of 2" in said.err
    report = json.loads(said.out)
    assert set(report["attacks"]) == set(ATTACKS)
    (recipe,) = report["recipes"].values()
    assert (recipe["runs"], recipe["shadows"]) == (2, 4)
    sites = recipe["sites"]
    assert set(sites) == {"piedmont", "tuscany", "veneto"}
    told = sites["tuscany"]["attacks"]
    assert set(told) == set(ATTACKS)
    for name, attack in told.items():
        assert attack is not None, name
        assert 0.5 <= attack["auc"] <= 1
        assert attack["low"] <= attack["high"]
        assert len(attack["runs"]) == 2
    # paper without a gate hands out training rows: any attack on them must see it
    assert sites["tuscany"]["exact_copies"] > 0
    for name in ("distance", "equal numbers", "crafted, tiny"):
        assert told[name]["auc"] > told[name]["chance_high"], name
    # and one that is shown what left in another run cannot
    assert told["other run's rows"]["auc"] < told["shadow rows"]["auc"] - 0.15
    silent = sites["veneto"]
    assert silent["silent"] == 2
    assert silent["released"] is silent["near"] is silent["attacks"]["distance"] is None
    assert silent["attacks"]["loss"] is not None


@pytest.mark.slow
def test_the_same_folder_gives_the_same_figures_and_a_table_without_rows(wine: Folder) -> None:
    folder = wine(**TREES)

    def figures() -> Any:
        report = measure(folder, ["paper"], Size(seeds=1, shadows=0), lambda _: None)
        return replace(report, seconds=0.0)

    one = figures()
    assert one == figures()
    shown = StringIO()
    show(Console(file=shown, width=80), one)
    lines = shown.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert any("exact copies" in line for line in lines)
    # without shadow runs nothing is learned, and a dash is no zero
    learned = next(line for line in lines if "shadow rows" in line)
    assert set(learned.split()[2:]) == {"-"}


def test_an_unknown_recipe_is_refused_before_any_run(
    wine: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--recipe", "paper", "--recipe", "magic"]
    assert run_command(["bench", "leakage", str(wine()), *options]) == 2
    said = capsys.readouterr()
    assert "magic" in said.err
    assert "run 1" not in said.err
