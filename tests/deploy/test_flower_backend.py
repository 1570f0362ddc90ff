"""The same apps on Flower's own engine: same results, and a site's trouble stays its own."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from flwr.app import Context, RecordDict

from grandrounds.cli import run_command
from grandrounds.flower_backend import SiteOfNode
from grandrounds.in_process import InProcessGrid
from grandrounds.results import Results
from grandrounds.simulate import prepare, simulate
from grandrounds_client.app import client_app
from grandrounds_client.site import Site
from grandrounds_protocol.errors import BadInput
from grandrounds_server.app import nodes_by_hello
from tests import keys
from tests.same import same

Folder = Callable[..., Path]

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray comes with the extra `simulation`"
)


def on_flower(folder: Path, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from grandrounds.cli import main; main()", "simulate"]
    arguments = [str(folder), "--backend", "flower", "--json", "--out", str(work / "out"), *options]
    environment = {**os.environ, "PYTHONPATH": str(work / "plugins")}
    environment.pop("RAY_ADDRESS", None)
    return subprocess.run(
        [*command, *arguments],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@needs_ray
@pytest.mark.slow
def test_flowers_engine_gives_the_results_of_one_process(wine: Folder, tmp_path: Path) -> None:
    folder = wine()
    work = tmp_path / "work"
    work.mkdir()
    done = on_flower(folder, work, "--recipe", "guarded", "--rounds", "1", "--seed", "3")
    assert done.returncode == 0, done.stderr
    expected = simulate(prepare(folder, recipe="guarded", rounds=1, seed=3), lambda *_: None)
    read = json.loads(done.stdout)
    assert read["seconds"].keys() == expected.seconds.keys()
    assert same(Results.model_validate(read)) == same(expected)
    assert any(site["adopted"] for site in read["sites"].values())
    assert [path.name for path in work.iterdir()] == ["out"]
    # Ray's C++ may say with a date, when it ends, that it could not tell us that it ends
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[20")]
    assert [line for line in lines if not line.startswith("round 1 of 1, ")] == []


PLUGIN = """
import os
import torch
from grandrounds_client.learners.naive_bayes import NaiveBayes

class Raises(NaiveBayes):
    def fit(self, x, y, **named):
        raise ValueError("patient 74.813 is to blame")

class Alone(NaiveBayes):
    def fit(self, x, y, **named):
        if torch.get_num_threads() != 1:
            raise ValueError("more threads than one round otherwise")
        return super().fit(x, y, **named)

class Dies(NaiveBayes):
    def fit(self, x, y, **named):
        os._exit(1)
"""
ENTRY_POINTS = (
    "[grandrounds.learners]\nraises = plugin:Raises\nalone = plugin:Alone\ndies = plugin:Dies\n"
)


def write_plugin(folder: Path) -> None:
    info = folder / "plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")


def add_site(folder: Path, name: str, learner: str, rows_of: str) -> None:
    shutil.copytree(folder / rows_of, folder / name)
    path = folder / name / "site.toml"
    lines = [
        line
        for line in path.read_text().splitlines()
        if line.startswith(("data", "feat", "patients"))
    ]
    path.write_text("\n".join([f'name = "{name}"\nlearner = "{learner}"', *lines]))


@needs_ray
@pytest.mark.slow
def test_a_site_that_raises_and_one_whose_process_dies_cost_only_themselves(
    wine: Folder, tmp_path: Path
) -> None:
    folder = wine(tuscany="raises")
    add_site(folder, "sicily", "dies", rows_of="tuscany")
    add_site(folder, "umbria", "alone", rows_of="veneto")
    write_plugin(tmp_path / "work" / "plugins")
    done = on_flower(folder, tmp_path / "work", "--rounds", "1", "--recipe", "paper")
    assert done.returncode == 0, done.stderr
    sites = json.loads(done.stdout)["sites"]
    assert "publish: the site's own work raised an error" in sites["tuscany"]["reason"]
    assert "publish: the site could not be asked" in sites["sicily"]["reason"]
    for name in ("piedmont", "veneto", "umbria"):
        assert sites[name]["own"]["after"]["accuracy"] is not None
        assert sites[name]["received"] > 0
    assert "74.813" not in done.stdout + done.stderr


def test_without_the_extra_one_message_names_it(
    wine: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without_ray(name: str, *rest: str) -> object:
        return None if name == "ray" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without_ray)
    folder = wine()
    code = run_command(["simulate", str(folder), "--backend", "flower", "--out", str(folder / "o")])
    captured = capsys.readouterr()
    assert code == 2
    assert 'pip install "grandrounds[simulation]"' in captured.err
    assert len(captured.err.partition("error:")[2].strip().splitlines()) <= 6
    assert captured.out == ""
    assert not (folder / "o" / "results.json").exists()


def test_a_process_opens_its_nodes_site_from_disk_once(wine: Folder, tmp_path: Path) -> None:
    simulation = prepare(wine())
    places = simulation.on_disk(tmp_path)
    find = SiteOfNode(places)
    contexts = [Context(1, node, {"partition-id": node}, RecordDict(), {}) for node in range(3)]
    sites = [find(context) for context in contexts]
    assert [site.name for site in sites] == list(simulation.sites)
    assert SiteOfNode(places)(contexts[0]) is sites[0]
    sites[0].store["run/model"] = b"kept"
    assert list((tmp_path / sites[0].name / "store").glob("*.batch"))


def grid(names: Iterable[str], late: int = 0) -> InProcessGrid:
    """Make a grid of nodes that say these names; nodes appear after `late` looks."""
    nodes = {f"node {number}": name for number, name in enumerate(names)}

    def open_site(context: Context) -> Site:
        name = nodes[str(context.node_config["site"])]
        if name == "broken":
            raise BadInput("row 3 cannot be read", where="rows.csv")
        return type("Named", (), {"identity": keys.identity(name)})()  # type: ignore[no-any-return]

    class Late(InProcessGrid):
        looks = 0

        def get_node_ids(self) -> Iterable[int]:
            self.looks += 1
            return super().get_node_ids() if self.looks > late else []

    return Late(client_app(open_site), nodes)


def test_nodes_say_which_site_they_are_even_those_that_come_late() -> None:
    asked = grid(["north", "south"], late=2)
    assert nodes_by_hello(asked, keys.OFFICE, 2, timeout=10) == {
        "north": asked.nodes["node 0"],
        "south": asked.nodes["node 1"],
    }


def test_a_node_that_cannot_say_is_left_out_without_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = grid(["north", "broken"])
    assert nodes_by_hello(asked, keys.OFFICE, 2, timeout=60) == {"north": asked.nodes["node 0"]}
    assert "the site's files or settings cannot be used" in caplog.text
    assert "row 3" not in caplog.text


def test_a_name_that_two_nodes_claim_is_nobodys() -> None:
    asked = grid(["north", "south", "north"])
    assert nodes_by_hello(asked, keys.OFFICE, 3, timeout=10) == {"south": asked.nodes["node 1"]}


def test_nobody_is_waited_for_longer_than_agreed() -> None:
    assert nodes_by_hello(grid([]), keys.OFFICE, 1, timeout=0.1) == {}
