"""What the docs tell a newcomer to type works, in an empty folder."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds.cli import run_command
from grandrounds.doctor.finding import ok
from grandrounds.provision.coordinator_folder import accept_bundle
from grandrounds_client.settings import SiteSettings
from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.settings import parse_settings

Folder = Callable[..., Path]
DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [block for kind, block in found if kind == language]


def test_the_first_federation_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = blocks("researcher.md", "python")[0]
    subprocess.run([sys.executable, "-c", script], check=True)
    lines = next(block for block in blocks("researcher.md", "") if "make_wine.py" in block)
    command = next(line for line in lines.splitlines() if line.startswith("grandrounds"))
    assert run_command(shlex.split(command)[1:]) == 0
    assert "piedmont" in capsys.readouterr().out
    assert (tmp_path / "wine-out" / "results.json").exists()


@pytest.mark.slow
def test_a_contestant_of_ones_own_plays_as_written(tmp_path: Path, wine: Folder) -> None:
    wine(tuscany="tree", veneto="tree").rename(tmp_path / "my-federation")
    page = blocks("researcher.md", "python")
    script = next(block for block in page if "bench.learning" in block)
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "12 of 12" in said.stdout
    assert "drawn: random rows" in said.stdout


def raised(root: type[GrandRoundsError] = GrandRoundsError) -> set[type[GrandRoundsError]]:
    """Return every error of the product."""
    return {root}.union(*(raised(each) for each in root.__subclasses__()))


def test_every_error_stands_on_its_page_with_its_exit_code() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `(\w+)` \| (\d) \|", page, flags=re.MULTILINE)
    ours = {(each.__name__, str(each.exit_code)) for each in raised()}
    assert len(found) == len(set(found))
    assert set(found) == ours


def commands(page: str, *words: str) -> list[list[str]]:
    """Return the lines of a page's blocks that call `grandrounds` with these words."""
    lines = (line for block in blocks(page, "") for line in block.splitlines())
    typed = [shlex.split(line, comments=True) for line in lines if line.startswith("grandrounds")]
    return [words_[1:] for words_ in typed if words_[1] in words]


def unstarted(command: list[str]) -> list[str]:
    """Let a site join without starting processes."""
    return [*command, "--no-start"] if "join" in command else command


def test_keys_roster_and_ledger_are_had_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    # no rows and no coordinator are at hand: what the check finds has tests of its own
    monkeypatch.setattr("grandrounds.doctor.site.examine", lambda *_, **__: [ok("data", "fits")])
    Path("federation.toml").write_text(blocks("operator.md", "toml")[0], encoding="utf-8")
    for command in commands("operator.md", "coordinator", "authority", "site"):
        if command[:2] == ["coordinator", "start"]:
            bundle = Path(command[-1]).read_bytes()
            accept_bundle(Path(command[2]), bundle, lambda _: None)
        else:
            assert run_command(unstarted(command)) == 0, command
    for name in ("roster.json", "bundle.json"):
        shutil.copy(f"authority/{name}", name)
    shutil.rmtree("north/roster")  # the first page accepted one
    for command in commands("hospital.md", "site"):
        assert run_command(unstarted(command)) == (2 if "init" in command else 0), command
    capsys.readouterr()
    assert run_command(["site", "ledger", "verify", "north"]) == 0
    head = capsys.readouterr().out.split()[-1]
    for command in commands("security.md", "site"):
        assert run_command([head if word == "N:DIGEST" else word for word in command]) == 0


def test_the_example_of_site_toml_is_one() -> None:
    site = parse_settings(SiteSettings, blocks("hospital.md", "toml")[0], "site.toml")
    assert site.learner_name == "tree"


def test_the_example_of_federation_toml_is_one() -> None:
    federation = parse_settings(Federation, blocks("operator.md", "toml")[0], "federation.toml")
    assert federation.class_names == ("recovered", "died")


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (DOCS / target).exists(), f"{page} links to {target}"
