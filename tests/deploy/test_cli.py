"""The command line: one message, the right exit code, no traceback."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from tests.conftest import SITES

Folder = Callable[..., Path]
PLANTED = "74.813"


def bad(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    code = run_command(["simulate", str(folder), "--out", str(folder / "out"), *options])
    captured = capsys.readouterr()
    assert code == 2, captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert PLANTED not in captured.err
    assert len(captured.err.strip().splitlines()) <= 6
    assert not (folder / "out").exists()
    return captured.err


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def replace_cell(folder: Path, line: int, column: int, value: str) -> None:
    path = folder / "tuscany" / "rows.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[line - 1].split(",")
    cells[column] = value
    lines[line - 1] = ",".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_a_run_prints_tables_and_writes_results(
    wine: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command(["simulate", str(wine()), "--out", str(tmp_path / "o")]) == 0
    captured = capsys.readouterr()
    assert "Who taught whom" in captured.out
    assert "piedmont" in captured.out
    assert "round 1 of 1, distill" in captured.err
    assert max(len(line) for line in captured.out.splitlines() if "/o/" not in line) <= 80
    assert json.loads((tmp_path / "o" / "results.json").read_text())["recipe"] == "private"


def test_json_puts_one_document_on_stdout(
    wine: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["simulate", str(wine()), "--json", "--out", str(tmp_path / "o")]
    options = ["--recipe", "paper", "--engine", "swarm", "--rounds", "1", "--seed", "9"]
    assert run_command([*arguments, *options]) == 0
    captured = capsys.readouterr()
    read = json.loads(captured.out)
    assert (read["recipe"], read["rounds"], read["seed"]) == ("paper", 1, 9)
    assert read["engine"] == "swarm"
    assert set(read["engines"].values()) == {"swarm"}
    assert read == json.loads((tmp_path / "o" / "results.json").read_text())


def test_an_unknown_category_of_label(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    replace_cell(folder, 5, 4, f"merlot{PLANTED}")
    said = bad(folder, capsys)
    assert "tuscany/rows.csv, row 5, column 'grape'" in said
    assert "barolo, grignolino, barbera" in said


def test_an_unknown_category(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    edit(
        folder / "federation.toml",
        'kind = "continuous"\nlow = 60\nhigh = 180',
        'kind = "ordinal"\nlevels = ["low", "high"]',
    )
    said = bad(folder, capsys)
    assert "row 2, column 'magnesium'" in said
    assert "use one of low, high" in said


def test_text_in_a_number(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    replace_cell(folder, 7, 0, f"{PLANTED} mg")
    said = bad(folder, capsys)
    assert "text where a number belongs" in said
    assert "row 7, column 'alcohol'" in said


def test_a_missing_column(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    edit(folder / "tuscany" / "rows.csv", "magnesium", "mg")
    said = bad(folder, capsys)
    assert "column 'magnesium' is missing" in said
    assert "[columns.magnesium]" in said


@pytest.mark.parametrize("content", ["", "\n", "alcohol,magnesium,flavanoids,proline,grape\n"])
def test_an_empty_file(wine: Folder, capsys: pytest.CaptureFixture[str], content: str) -> None:
    folder = wine()
    (folder / "tuscany" / "rows.csv").write_text(content)
    said = bad(folder, capsys)
    assert "empty" in said or "no rows" in said
    assert "tuscany/rows.csv" in said


def test_a_one_class_site(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    path = folder / "tuscany" / "rows.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:4]))
    said = bad(folder, capsys)
    assert "one class" in said
    assert "column 'grape'" in said


def test_duplicate_site_names(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    edit(folder / "tuscany" / "site.toml", '"tuscany"', '"veneto"')
    said = bad(folder, capsys)
    assert "two sites are named 'veneto'" in said
    assert "tuscany and veneto" in said


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", "", "é", "x" * 65])
def test_a_site_name_that_is_no_name(
    wine: Folder, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = wine()
    edit(folder / "tuscany" / "site.toml", '"tuscany"', f'"{name}"')
    assert "field name" in bad(folder, capsys)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rows.csv", "absent.csv", "cannot read the data file: No such file"),
        ("rows.csv", "site.toml", "neither a .csv nor a .parquet"),
        ('learner = "logistic"', 'learner = "oracle"', "unknown learner 'oracle'"),
        ('learner = "logistic"', 'learner = { name = "logistic", C = -1 }', "C"),
        ('learner = "logistic"', 'learner = { name = "logistic", depth = 1 }', "depth"),
        ('learner = "logistic"', "", "learner: this field is required"),
        ("learner", "lerner", "unknown field"),
        ("'alcohol'", "'whisky'", "'whisky' is not a feature"),
        ("name =", "name", "not valid TOML"),
        ('"logistic"', '"cnn"', "learns from images, and the federation has none"),
    ],
)
def test_a_mistake_in_site_toml(
    wine: Folder, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    folder = wine()
    edit(folder / "tuscany" / "site.toml", old, new)
    message = bad(folder, capsys)
    assert said in message
    assert "tuscany" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    (folder / "tuscany" / "rows.csv").chmod(0)
    assert "Permission denied" in bad(folder, capsys)


def test_a_folder_where_a_file_belongs(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    (folder / "tuscany" / "rows.csv").unlink()
    (folder / "tuscany" / "rows.csv").mkdir()
    assert "Is a directory" in bad(folder, capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recipe", "magic"], "unknown recipe 'magic'"),
        (["--engine", "magic"], "unknown engine 'magic'"),
        (["--rounds", "-1"], "give --rounds another value"),
        (["--rounds", "0"], "rounds"),
        (["--rounds", "many"], "--rounds"),
        (["--seed", "-3"], "seed"),
        (["--backend", "moon"], "moon"),
        (["--frobnicate"], "--frobnicate"),
    ],
)
def test_a_bad_option(
    wine: Folder, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert said in bad(wine(), capsys, *options)


def test_an_unknown_engine(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    said = bad(wine(rules='engine = "magic"'), capsys)
    assert "one of: auto, adam, boxes, exact, linear, swarm" in said


def test_an_output_folder_that_is_a_file_is_told_before_any_work(
    wine: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert run_command(["simulate", str(wine()), "--out", str(tmp_path / "file")]) == 2
    said = capsys.readouterr().err
    assert "cannot write results there" in said
    assert "round 1" not in said


def test_a_label_column_of_another_name(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    edit(folder / "tuscany" / "rows.csv", "grape", "dx")
    assert "name its column under [label]" in bad(folder, capsys)


def test_no_folder_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = bad(tmp_path, capsys)
    assert "federation.toml" in said


def test_fewer_than_two_sites(wine: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = wine()
    for name in ("tuscany", "veneto"):
        (folder / name / "site.toml").unlink()
    assert "1 site found" in bad(folder, capsys)


def test_too_few_sites_left_exits_with_1_and_still_writes_results(
    wine: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = wine(rules="min_sites = 4")
    assert run_command(["simulate", str(folder), "--out", str(tmp_path / "o")]) == 1
    assert "3 of at least 4 sites answered" in capsys.readouterr().err
    assert json.loads((tmp_path / "o" / "results.json").read_text())["stopped"]


def test_clipped_values_are_counted_for_the_user(
    wine: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = wine()
    replace_cell(folder, 2, 0, "99.5")
    assert run_command(["simulate", str(folder), "--out", str(tmp_path / "o")]) == 0
    said = capsys.readouterr().err
    assert "tuscany: 1 value of alcohol out of bounds, clipped" in said
    assert "99.5" not in said


def test_an_unexpected_error_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(PLANTED)

    monkeypatch.setattr("grandrounds.simulate.prepare", broken)
    assert run_command(["simulate", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert PLANTED not in said
    monkeypatch.setenv("GRANDROUNDS_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        run_command(["simulate", str(tmp_path)])


def test_a_file_or_folder_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "state/lock")

    monkeypatch.setattr("grandrounds.simulate.prepare", denied)
    assert run_command(["simulate", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "Permission denied: state/lock" in said
    assert "remedy" in said


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out.strip()
    assert run_command(["--help"]) == 0
    assert "simulate" in capsys.readouterr().out


@pytest.mark.slow
def test_the_installed_command_leaves_nothing_in_the_working_directory(
    wine: Folder, tmp_path: Path
) -> None:
    folder = wine()
    empty = tmp_path / "empty"
    empty.mkdir()
    command = str(Path(sys.executable).with_name("grandrounds"))
    done = subprocess.run(
        [command, "simulate", str(folder), "--json", "--out", "o"],
        cwd=empty,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["federation"] == "wine"
    assert sorted(path.name for path in empty.rglob("*")) == sorted(
        ["o", "results.json", "sites", *SITES, *["report.html"] * (1 + len(SITES))]
    )


def test_a_simulation_says_where_noise_drowns_what_is_released(
    wine: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = str(wine("rounds = 1\nprivacy_epsilon = 0.1"))
    for recipe, lines in (("private", 3), ("paper", 0)):
        options = ["--recipe", recipe, "--out", str(tmp_path / recipe)]
        assert run_command(["simulate", folder, *options]) == 0
        captured = capsys.readouterr()
        said = " ".join(captured.err.split())
        assert said.count("drowns the counts of a private release") == lines
        assert "drowns" not in captured.out
