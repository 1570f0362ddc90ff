"""`grandrounds bench learning`: what it must find on federations whose truth is known."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grandrounds.bench.learning import run as bench
from grandrounds.bench.learning.contestants import Contestant, Given, chosen
from grandrounds.bench.learning.figures import Line
from grandrounds.bench.learning.records import Trial
from grandrounds.bench.learning.report import report_of
from grandrounds.bench.learning.run import Options, measure
from grandrounds.bench.learning.trial import Bench, trial
from grandrounds.bench.learning.world import Lessons, World
from grandrounds.cli import run_command

Folder = Callable[..., Path]
ONE = Options(range(1))


def silent(*_: object) -> None:
    """Hear of no trial."""


def played(
    folder: Path,
    contestants: Mapping[str, Contestant],
    out: Path,
    options: Options = ONE,
    jobs: int = 1,
) -> list[Trial]:
    return measure(folder, contestants, options, out=out, jobs=jobs, note=silent).trials


def lines(
    folder: Path, contestants: Mapping[str, Contestant], out: Path, options: Options = ONE
) -> dict[str, Line]:
    measured = measure(folder, contestants, options, out=out, note=silent)
    return report_of(measured, contestants, options).contestants


def timeless(found: list[Trial]) -> list[Trial]:
    return [one.model_copy(update={"seconds": 0.0}) for one in found]


def quiet(world: World, _rng: np.random.Generator) -> Given:
    """A contestant that gives nothing."""
    return {name: Lessons.none(world.width) for name in world.students}


def stumbling(world: World, _rng: np.random.Generator) -> Given:
    """A contestant that raises where south is missing."""
    if "south" not in world.members:
        raise ValueError("a message that may hold a value: 0.4242")
    return quiet(world, _rng)


QUIET = {"quiet": Contestant(quiet, "nothing")}


def test_who_lacks_a_region_of_a_class_learns_it_from_guarded_lessons(
    made: Folder, tmp_path: Path
) -> None:
    contestants = chosen(["guarded"], [])
    found = lines(made(), contestants, tmp_path, Options(range(2)))
    for stage in (found["guarded-free"].before_review, found["guarded-free"].adopted):
        assert stage is not None
        west = stage["all"]["balanced_accuracy"]
        assert west is not None
        assert west.cells["all/all/west"] > 0.05
    # west is the one that lacks it: on north's rows it has most to gain
    unseen = found["guarded-free"].before_review["loso"]["balanced_accuracy"]
    assert unseen is not None
    assert unseen.cells["loso/north/west"] > 0.05


def perfect(world: World, _rng: np.random.Generator) -> Given:
    """Models that know the truth."""

    def truth(x: Any) -> Any:
        return np.eye(2, dtype=np.float32)[(x.max(axis=1) > 0.5).astype(int)]

    members = {
        name: replace(one, model=replace(one.model, predict_proba=truth))
        for name, one in world.members.items()
    }
    return chosen([], ["ensemble"])["ensemble"].play(World(members, world.rules), _rng)


def test_an_ensemble_of_perfect_models_is_perfect(made: Folder, tmp_path: Path) -> None:
    for one in played(made(), {"perfect": Contestant(perfect, "")}, tmp_path):
        found = one.contestants["perfect"]
        assert found is not None
        assert found.adopted is None
        for metrics in found.before_review.values():
            assert (metrics.accuracy, metrics.balanced_accuracy, metrics.auc) == (1, 1, 1)


def test_every_site_is_left_out_once_and_every_student_tested_on_all_its_rows(
    made: Folder, tmp_path: Path
) -> None:
    found = played(made(), QUIET, tmp_path)
    cells = {cell: metrics for one in found for cell, metrics in one.base.items()}
    unseen = {cell for cell in cells if cell.startswith("loso/")}
    names = ("north", "south", "west")
    assert unseen == {f"loso/{a}/{b}" for a in names for b in names if a != b}
    assert all(cells[cell].n == 200 for cell in unseen)
    assert {cells[f"own/{name}/{name}"].n for name in names} == {60}
    assert {cells[f"all/all/{name}"].n for name in names} == {180}


def test_who_gets_nothing_stays_as_it_is(made: Folder, tmp_path: Path) -> None:
    for one in played(made(), QUIET, tmp_path):
        found = one.contestants["quiet"]
        assert found is not None
        assert found.before_review == found.adopted == one.base
        assert found.adopters == ()


def test_all_contestants_stand_on_the_same_models_rows_and_numbers(
    made: Folder, tmp_path: Path
) -> None:
    folder = made()
    drawn: list[float] = []

    def seen(world: World, rng: np.random.Generator) -> Given:
        x = world.members[world.students[0]].train.x
        drawn.append(float(rng.random()) + float(x.sum()))
        return quiet(world, rng)

    names = ("one", "two")
    alone = played(folder, {name: Contestant(seen, "") for name in names}, tmp_path)
    assert drawn[0::2] == drawn[1::2]
    assert len(set(drawn)) == len(alone)
    beside = played(folder, chosen([], ["mixup", "pooled"]), tmp_path)
    assert [one.base for one in alone] == [one.base for one in beside]


def test_a_finished_trial_is_never_computed_again(
    made: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, contestants, two = made(), chosen([], ["mixup"]), Options(range(2))
    whole = played(folder, contestants, tmp_path / "whole", two)
    (tmp_path / "cut").mkdir()
    (path,) = (tmp_path / "whole").iterdir()
    text = path.read_text()
    # killed within its third line of results
    at = [index for index, letter in enumerate(text) if letter == "\n"][2]
    (tmp_path / "cut" / path.name).write_text(text[: at + 40])
    computed: list[tuple[int, str]] = []

    def counted(bench: Bench, seed: int, name: str) -> Trial:
        computed.append((seed, name))
        return trial(bench, seed, name)

    monkeypatch.setattr(bench, "trial", counted)
    resumed = played(folder, contestants, tmp_path / "cut", two)
    assert len(computed) == len(whole) - 2
    assert timeless(resumed) == timeless(whole)
    computed.clear()
    assert played(folder, contestants, tmp_path / "cut", two) == resumed
    assert computed == []
    # other options, rows or contestants: afresh
    played(folder, contestants, tmp_path / "cut", replace(two, learner="naive-bayes"))
    assert len(computed) == len(whole)
    played(folder, QUIET, tmp_path / "cut", two)
    assert len(computed) == 2 * len(whole)
    rows = folder / "north" / "rows.csv"
    rows.write_text("\n".join(rows.read_text().splitlines()[:-1]) + "\n")
    played(folder, QUIET, tmp_path / "cut", two)
    assert len(computed) == 3 * len(whole)


@pytest.mark.slow
def test_two_processes_find_what_one_finds(made: Folder, tmp_path: Path) -> None:
    folder, contestants = made(), chosen(["guarded"], ["mixup"])
    one, two = (
        played(folder, contestants, tmp_path / str(jobs), jobs=jobs, options=Options(range(2)))
        for jobs in (1, 2)
    )
    assert timeless(one) == timeless(two)


def test_a_contestant_that_raises_costs_its_own_cells_and_says_where(
    made: Folder, tmp_path: Path
) -> None:
    contestants = {**QUIET, "stumbling": Contestant(stumbling, "")}
    found = lines(made(), contestants, tmp_path)
    assert found["quiet"].failed == {}
    ((where, times),) = found["stumbling"].failed.items()
    assert where.startswith("ValueError at stumbling:")
    assert "0.4242" not in where
    assert times == 1
    cells = found["stumbling"].before_review["loso"]["accuracy"]
    assert cells is not None
    assert all("/south/" not in cell for cell in cells.cells)
    assert len(cells.cells) == 4


def test_the_command_prints_one_document_with_stable_keys(
    made: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rival", "mixup", "--rival", "ensemble", "--seeds", "2", "--first-seed", "5"]
    command = ["bench", "learning", str(made()), "--out", str(tmp_path), "--json", *options]
    assert run_command(command) == 0
    said = capsys.readouterr()
    assert "8 of 8: seed 6, " in said.err
    report = json.loads(said.out)
    assert (report["first_seed"], report["seeds"], report["rounds"]) == (5, 2, 1)
    assert set(report["base"]) == {"loso", "own", "all"}
    assert set(report["contestants"]) == {"mixup", "ensemble"}
    mixup = report["contestants"]["mixup"]
    assert set(mixup) == {
        *("says", "before_review", "adopted", "rows", "adoptions", "refused", "failed", "absent")
    }
    figure = mixup["adopted"]["loso"]["auc"]
    assert set(figure) == {"change", "wins", "losses", "worst", "worst_cell", "cells"}
    assert figure["cells"][figure["worst_cell"]] == min(figure["cells"].values())
    assert report["contestants"]["ensemble"]["adopted"] is None
    # asked again, it reads what it knows, and prints a table 80 columns wide
    assert run_command([part for part in command if part != "--json"]) == 0
    said = capsys.readouterr()
    assert "seed 6" not in said.err
    assert max(len(line.rstrip()) for line in said.out.splitlines()) <= 80
    assert "ensemble: mean probability of all models" in said.out


@pytest.mark.parametrize(
    ("option", "name"), [("--recipe", "magic"), ("--rival", "magic"), ("--learner", "magic")]
)
def test_an_unknown_name_is_refused_before_any_trial(
    made: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    command = ["bench", "learning", str(made()), "--out", str(tmp_path / "out"), option, name]
    assert run_command(command) == 2
    said = capsys.readouterr()
    assert "magic" in said.err
    assert "seed 0" not in said.err


def poisoned(world: World, _rng: np.random.Generator) -> Given:
    """All peers' rows, each of the other class, and so many that own rows drown."""
    given = chosen([], ["pooled"])["pooled"].play(world, _rng)
    assert given is not None
    lessons = {name: one for name, one in given.items() if isinstance(one, Lessons)}
    return {
        name: replace(one, y=1 - one.y, weight=np.full(len(one), 9, np.float32))
        for name, one in lessons.items()
    }


def test_what_harms_is_kept_before_review_and_not_after(made: Folder, tmp_path: Path) -> None:
    for one in played(made(), {"poison": Contestant(poisoned, "")}, tmp_path):
        found = one.contestants["poison"]
        assert found is not None
        assert found.adopted == one.base
        for cell, metrics in found.before_review.items():
            assert metrics.balanced_accuracy is not None
            # weights count: at weight 1 the west would hold out among its own rows
            assert metrics.balanced_accuracy < 0.35
            assert (one.base[cell].balanced_accuracy or 0) > 0.8


def test_federated_averaging_takes_one_net_and_learns_what_all_know(
    made: Folder, tmp_path: Path
) -> None:
    folder, contestants = made(learner="mlp"), chosen([], ["fedavg", "fedprox"])
    found = lines(folder, contestants, tmp_path)
    for key in contestants:
        cells = found[key].before_review["loso"]["balanced_accuracy"]
        assert found[key].adopted is None
        assert cells is not None
        assert cells.cells["loso/north/west"] > 0.03
    assert found["fedavg"].before_review != found["fedprox"].before_review
    trees = lines(folder, contestants, tmp_path, replace(ONE, learner="tree"))
    assert trees["fedavg"].absent == 4
    assert trees["fedavg"].before_review["own"]["accuracy"] is None


def test_two_sites_have_nobody_to_leave_out(
    made: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made()
    (folder / "west" / "site.toml").unlink()
    command = ["bench", "learning", str(folder), "--out", str(tmp_path / "out")]
    assert run_command([*command, "--seeds", "1", "--rival", "pooled", "--rival", "fedavg"]) == 0
    said = capsys.readouterr()
    assert "1 of 1: seed 0, everybody" in said.err
    assert "own: held-out rows" in said.out
    assert "loso" not in said.out
    (plot,) = (tmp_path / "out").glob("*.svg")
    text = plot.read_text(encoding="utf-8")
    assert "pooled" in text
    assert "fedavg" not in text  # it has no place, so there is nothing to draw
    assert "north on rows of all: " in text
