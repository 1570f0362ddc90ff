"""What a hospital sees of the privacy budget it spent."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds_client.private import release_of
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import open_site, split_rows
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.settings import parse_settings
from grandrounds_protocol.times import spell
from tests import keys
from tests.client.asking import ROWS

NOW = 1_700_000_000
TOML = 'name = "north"\ndata = "rows.csv"\nlearner = "tree"\n[privacy]\nbudget = 5\n'
FEDERATION = Federation.model_validate(
    {
        "name": "f",
        "label": "outcome",
        "classes": ["0", "1"],
        "features": [
            {"name": "age", "kind": "continuous", "low": 0, "high": 100},
            {"name": "sex", "kind": "categorical", "categories": ["f", "m"]},
            {"name": "stage", "kind": "ordinal", "levels": ["I", "II", "III"]},
        ],
    }
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.toml").write_text(TOML)
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


def release(folder: Path, **rules: float) -> None:
    settings = parse_settings(SiteSettings, TOML, "site.toml")
    identity = replace(keys.identity("north"), clock=lambda: NOW)
    opened = open_site(settings, folder, FEDERATION, {}, identity=identity)
    given = Rules.model_validate(rules)
    release_of(opened, split_rows(opened, given).train, given)


def test_each_release_stands_with_what_it_cost_and_of_what(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    release(site, privacy_epsilon=1.5, seed=7)
    release(site, privacy_epsilon=0.5, seed=7)
    assert run_command(["site", "budget", str(site)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("north: epsilon 2 of 5 spent, 3 left\n")
    assert said.count("age, sex, stage") == 2
    assert said.count(spell(NOW)) == 2
    assert run_command(["site", "budget", str(site), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["spent"], found["budget"], found["left"]) == (2, 5, 3)
    booked = found["bookings"]
    assert sorted(each["epsilon"] for each in booked.values()) == [0.5, 1.5]
    assert all(digest[:12] in said for digest in booked)
    assert {each["rows"][:12] in said for each in booked.values()} == {True}
    assert {each["seed"] for each in booked.values()} == {7}


def test_a_site_that_spent_nothing_says_so_and_gets_no_folder(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["site", "budget", str(site)]) == 0
    assert capsys.readouterr().out == "north: epsilon 0 of 5 spent, 5 left\n"
    assert not (site / "privacy").exists()


def test_a_budget_lowered_below_what_is_spent_leaves_nothing(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release(site, privacy_epsilon=2)
    (site / "site.toml").write_text(TOML.replace("budget = 5", "budget = 1"))
    assert run_command(["site", "budget", str(site)]) == 0
    assert capsys.readouterr().out.startswith("north: epsilon 2 of 1 spent, 0 left\n")


def test_a_folder_that_is_no_site_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["site", "budget", str(tmp_path)]) == 2
    assert "site.toml" in capsys.readouterr().err
