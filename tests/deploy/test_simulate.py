"""A whole federation: publish, distill, retrain, review, adopt."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grandrounds.results import Results
from grandrounds.simulate import Simulation, prepare, simulate
from grandrounds_client import state as kept
from grandrounds_client.site import split_rows
from grandrounds_client.state import State
from grandrounds_protocol.errors import BudgetSpent
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.peers import peers_of, rounds_to_meet_all
from grandrounds_protocol.records import PHASES
from tests.same import same

Folder = Callable[..., Path]


def run(simulation: Simulation) -> Results:
    return simulate(simulation, lambda *_: None)


def state(simulation: Simulation, site: str) -> State:
    return State(simulation.sites[site].store, simulation.run_name)


@pytest.mark.parametrize("recipe", ["paper", "guarded", "private"])
def test_the_same_seed_gives_the_same_results_but_for_seconds(wine: Folder, recipe: str) -> None:
    folder = wine()
    one, two = (run(prepare(folder, recipe=recipe, rounds=2, seed=3)) for _ in "ab")
    assert same(one) == same(two)
    assert set(one.seconds) == set(PHASES)
    other = run(prepare(folder, recipe=recipe, rounds=2, seed=4))
    assert same(other, "seed") != same(one, "seed")


def test_every_site_reports_before_after_and_ensemble(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="paper")
    results = run(simulation)
    held_out = {
        name: len(split_rows(site, simulation.federation.rules).held_out)
        for name, site in simulation.sites.items()
    }
    for name, site in results.sites.items():
        assert site.rows == len(simulation.sites[name].rows.y)
        for metrics in (site.own.before, site.own.after, site.own.ensemble):
            assert metrics.n == held_out[name]
            assert metrics.accuracy is not None
        assert site.federation.after.n == sum(held_out.values())
        assert ("adopt: " in site.reason) == (site.adopted == 0)


def test_an_adopted_site_stands_on_virtual_rows_and_another_on_none(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="guarded", seed=1)
    results = run(simulation)
    width = simulation.federation.features
    for name, site in results.sites.items():
        kept_rows = state(simulation, name).instances(kept.VIRTUAL, Bounds(len(width), 3, 3))
        assert site.adopted == len(kept_rows)
        unchanged = state(simulation, name).need(kept.FIRST) == state(simulation, name).need(
            kept.CURRENT
        )
        assert unchanged == (site.adopted == 0)
    assert any(site.adopted for site in results.sites.values())
    assert results.sites["piedmont"].received > 0


def test_lessons_are_about_rows_the_teacher_gets_right_and_keep_their_class(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="paper")
    results = run(simulation)
    for teacher, students in results.taught.items():
        assert teacher not in students
        assert all(count > 0 for count in students.values())
    assert sum(sum(students.values()) for students in results.taught.values()) == sum(
        site.received for site in results.sites.values()
    )


def test_lessons_for_the_site_itself_do_not_travel(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="paper")
    run(simulation)
    own = state(simulation, "veneto").need(kept.own_lessons(1))
    for name in ("piedmont", "tuscany"):
        for reply in simulation.sites[name].store.values():
            assert own not in reply
    sent = simulation.sites["veneto"].store[f"{simulation.run_name}/said/1/1/distill"]
    assert own not in sent
    assert len(VirtualInstances.from_bytes(own, Bounds(7, 3, 3))) > 0


def test_only_features_the_teacher_reads_have_moved(wine: Folder) -> None:
    # tuscany has no hue: what its model writes elsewhere leaves hue at a value of a real row
    simulation = prepare(wine(), recipe="paper")
    run(simulation)
    hue = [feature.name for feature in simulation.federation.features].index("hue")
    tuscany = list(simulation.sites).index("tuscany")
    rows = state(simulation, "veneto").instances(kept.own_lessons(1), Bounds(7, 3, 3))
    written = rows.x[rows.teacher == tuscany][:, hue]
    assert len(written)
    assert np.isin(written, simulation.sites["veneto"].rows.x[:, hue]).all()


class Failing:
    """Fails at the n-th fit, with a patient's value in its message."""

    algorithm = "failing"

    def __init__(self, learner: object, at: int) -> None:
        self.learner, self.fits, self.at = learner, 0, at

    def fit(self, *args: object, **kwargs: object) -> object:
        self.fits += 1
        if self.fits >= self.at:
            raise ValueError("patient 74.813 is to blame")
        return self.learner.fit(*args, **kwargs)  # type: ignore[attr-defined]


def with_failing(simulation: Simulation, name: str, at: int) -> Simulation:
    site = simulation.sites[name]
    failing = Failing(site.learners[0], at)
    broken = replace(site, learners=(failing,))  # type: ignore[arg-type]
    return replace(simulation, sites={**simulation.sites, name: broken})


@pytest.mark.parametrize(("at", "phase"), [(1, "publish"), (2, "retrain")])
def test_a_site_that_raises_costs_its_own_contribution(wine: Folder, at: int, phase: str) -> None:
    simulation = with_failing(prepare(wine(), recipe="paper"), "tuscany", at)
    results = run(simulation)
    assert results.stopped == ""
    assert (
        f"round 1 {phase}: the site's own work raised an error" in results.sites["tuscany"].reason
    )
    assert "74.813" not in results.to_json()
    assert results.sites["piedmont"].own.after.accuracy is not None
    assert (results.sites["tuscany"].own.before.accuracy is None) == (phase == "publish")


class Counting:
    """Notes how many threads torch has while it learns."""

    algorithm = "counting"

    def __init__(self, learner: object) -> None:
        self.learner, self.threads = learner, list[int]()

    def fit(self, *args: object, **kwargs: object) -> object:
        self.threads.append(torch.get_num_threads())
        return self.learner.fit(*args, **kwargs)  # type: ignore[attr-defined]


def test_sites_learn_on_one_thread_and_the_caller_keeps_its_own(wine: Folder) -> None:
    simulation = prepare(wine())
    site = simulation.sites["tuscany"]
    counting = Counting(site.learners[0])
    sites = {**simulation.sites, "tuscany": replace(site, learners=(counting,))}  # type: ignore[arg-type]
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        run(replace(simulation, sites=sites))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(counting.threads) == {1}


def test_a_site_that_becomes_one_class_costs_its_own_contribution(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="paper")
    site = simulation.sites["veneto"]
    rows = replace(site.rows, y=np.zeros_like(site.rows.y))
    one_class = replace(simulation, sites={**simulation.sites, "veneto": replace(site, rows=rows)})
    results = run(one_class)
    assert "round 1 publish" in results.sites["veneto"].reason
    assert results.sites["piedmont"].own.after.accuracy is not None


def test_too_few_sites_stop_the_round_and_say_so(wine: Folder) -> None:
    simulation = prepare(wine(rules="min_sites = 3"), recipe="paper")
    results = run(with_failing(simulation, "tuscany", 1))
    assert results.stopped == "round 1 stopped at publish: 2 of at least 3 sites answered"
    assert results.sites["piedmont"].own.before.accuracy is None
    assert results.sites["piedmont"].federation.before.accuracy is not None


def test_a_site_of_three_rows_completes(wine: Folder) -> None:
    folder = wine()
    path = folder / "veneto" / "rows.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[1], lines[30], lines[-1]]), encoding="utf-8")
    results = run(prepare(folder, recipe="guarded"))
    assert results.sites["veneto"].rows == 3
    assert results.stopped == ""


def test_reviewers_with_too_few_rows_abstain_and_nothing_is_adopted(wine: Folder) -> None:
    results = run(prepare(wine(rules="review_min_rows = 1000"), recipe="guarded"))
    assert all(site.adopted == 0 for site in results.sites.values())
    for site in results.sites.values():
        assert "round 1 review: abstained, too few validation rows in a class" in site.reason
        assert "round 1 adopt: nobody reviewed" in site.reason


def test_each_round_starts_from_the_adopted_models(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="guarded", rounds=2, seed=1)
    run(simulation)
    for name, site in simulation.sites.items():
        for peer in simulation.sites:
            if peer == name:
                continue
            first = state(simulation, peer).need(kept.FIRST)
            assert state(simulation, name).need(kept.peer_first(peer)) == first
        second = site.store[f"{simulation.run_name}/said/2/1/publish"]
        candidate = state(simulation, name).get(kept.candidate(1))
        assert (candidate is not None and candidate in second) or (
            state(simulation, name).need(kept.FIRST) in second
        )


def test_with_sampled_peers_everybody_has_met_everybody_after_a_few_rounds(wine: Folder) -> None:
    folder = wine(rules="review_min_rows = 1\npeers_per_round = 2")
    for name, rows_of in (("lazio", "piedmont"), ("molise", "tuscany"), ("puglia", "veneto")):
        shutil.copytree(folder / rows_of, folder / name)
        path = folder / name / "site.toml"
        path.write_text(path.read_text().replace(f'"{rows_of}"', f'"{name}"'))
    for path in folder.glob("*/site.toml"):
        # else a candidate in doubt has a peer put in quarantine, which refuses its rows
        path.write_text(f"veto_drop = 1\n{path.read_text()}")
    simulation = prepare(folder, recipe="guarded", rounds=3, seed=1)
    results = run(simulation)
    rules, sites = simulation.federation.rules, tuple(simulation.sites)
    assert rounds_to_meet_all(len(sites), rules) == 3
    assert all("refused" not in site.reason for site in results.sites.values())
    assert any(site.adopted for site in results.sites.values())
    for name, site in simulation.sites.items():
        met: set[str] = set()
        for number in (1, 2, 3):
            for peer in set(peers_of(name, sites, number, rules)) - met:
                # what this site keeps of a peer is what the peer released when they first met
                released = simulation.sites[peer].store[
                    f"{simulation.run_name}/said/{number}/1/publish"
                ]
                assert state(simulation, name).need(kept.peer_first(peer)) in released
                met.add(peer)
        assert set(state(simulation, name).names(kept.peer_first(""))) == {
            kept.peer_first(peer) for peer in met
        }
        assert met == set(sites) - {site.name}


def test_sites_may_stand_in_the_federations_file(wine: Folder, tmp_path: Path) -> None:
    folder = wine()
    table = tmp_path / "table"
    table.mkdir()
    text = (folder / "federation.toml").read_text(encoding="utf-8")
    for name in ("piedmont", "tuscany", "veneto"):
        (table / f"{name}.csv").write_bytes((folder / name / "rows.csv").read_bytes())
        site = (folder / name / "site.toml").read_text(encoding="utf-8")
        lines = [line for line in site.splitlines() if not line.startswith("name")]
        text += f"\n[sites.{name}]\n" + "\n".join(lines).replace("rows.csv", f"{name}.csv")
    (table / "federation.toml").write_text(text, encoding="utf-8")
    one, two = run(prepare(folder, seed=5)), run(prepare(table, seed=5))
    assert same(one) == same(two)


def test_results_json_has_the_agreed_shape(wine: Folder, tmp_path: Path) -> None:
    path = run(prepare(wine(), recipe="paper")).write(tmp_path / "out" / "deep")
    read = json.loads(path.read_text(encoding="utf-8"))
    run_as = {"federation", "recipe", "engine", "seed", "rounds", "versions"}
    assert set(read) >= run_as | {"sites", "taught", "engines", "privacy", "seconds"}
    for site in read["sites"].values():
        assert set(site["ledger"]) == {"entries", "digest"}
        assert site["ledger"]["entries"] > len(PHASES)
    assert read["engine"] == "auto"
    assert read["engines"] == {"piedmont": "exact", "tuscany": "linear", "veneto": "linear"}
    # these rows are nobody's, so there is no gate, and the paper's recipe hands some out
    for privacy in (read["privacy"], *(site["privacy"] for site in read["sites"].values())):
        assert set(privacy) == set(read["privacy"])
        assert privacy["epsilon"] is None
        assert 0 < privacy["exact_copies"] <= privacy["released"]
        assert 0 < privacy["nearer_than_holdout_p05"] <= 1
    assert 0.5 <= read["privacy"]["membership_auc"] <= 1
    by_site = [site["privacy"] for site in read["sites"].values()]
    for count in ("released", "exact_copies"):
        assert read["privacy"][count] == sum(privacy[count] for privacy in by_site)
    site = read["sites"]["veneto"]
    assert set(site) >= {"learner", "rows", "own", "federation", "received", "adopted"}
    assert set(site["own"]) == set(site["federation"]) == {"before", "after", "ensemble"}
    assert set(site["own"]["before"]) == {"accuracy", "balanced_accuracy", "auc", "n"}


def poisoned(simulation: Simulation, part: str, rows: str = "veneto") -> Simulation:
    """One part of a site's rows replaced by noise, the split being the same."""
    site = simulation.sites[rows]
    parts = split_rows(site, simulation.federation.rules)
    chosen = getattr(parts, part).x
    is_part = (site.rows.x[:, None] == chosen[None]).all(axis=2).any(axis=1)
    noise = np.random.default_rng(0).random(site.rows.x.shape, np.float32)
    x = np.where(is_part[:, None] & (site.rows.x > 0), noise, site.rows.x)
    other = replace(site, rows=replace(site.rows, x=x), store={})
    return replace(simulation, sites={**simulation.sites, rows: other})


def replies(simulation: Simulation, phase: str) -> dict[str, bytes]:
    key = f"{simulation.run_name}/said/1/1/{phase}"
    return {name: site.store[key] for name, site in simulation.sites.items()}


def test_nothing_but_the_reported_figures_reads_held_out_rows(wine: Folder) -> None:
    folder = wine()
    clean, other = prepare(folder, recipe="guarded"), prepare(folder, recipe="guarded")
    other = poisoned(other, "held_out")
    one, two = run(clean), run(other)
    for phase in ("publish", "distill", "retrain", "review"):
        assert replies(clean, phase) == replies(other, phase), phase
    assert one.sites["veneto"].own.before != two.sites["veneto"].own.before
    assert one.sites["veneto"].adopted == two.sites["veneto"].adopted


def test_validation_rows_decide_and_are_neither_trained_on_nor_taught_from(wine: Folder) -> None:
    folder = wine()
    clean, other = prepare(folder, recipe="guarded"), prepare(folder, recipe="guarded")
    other = poisoned(other, "validation")
    run(clean)
    run(other)
    first = [state(each, "veneto").need(kept.FIRST) for each in (clean, other)]
    # the card differs, for it tells of validation rows; the graph does not
    assert first[0].partition(b"\x08\x08")[2] == first[1].partition(b"\x08\x08")[2]
    assert replies(clean, "distill") == replies(other, "distill")
    assert replies(clean, "review")["veneto"] != replies(other, "review")["veneto"]
    assert replies(clean, "review")["tuscany"] == replies(other, "review")["tuscany"]


def test_private_says_what_it_spent_and_whose_noise_it_was(wine: Folder) -> None:
    simulation = prepare(wine(), recipe="private", rounds=2)
    results = run(simulation)
    assert (results.privacy.epsilon, results.privacy.noise) == (3.0, "simulated")
    for site in results.sites.values():
        # of both rounds together: the release is made once
        assert (site.privacy.epsilon, site.privacy.budget) == (3.0, 3.0)
        assert not site.privacy.exact_copies
        assert site.gate is None


def test_private_past_a_sites_budget_is_refused_before_any_work(wine: Folder) -> None:
    folder = wine()
    toml = folder / "veneto" / "site.toml"
    toml.write_text(f"{toml.read_text()}[privacy]\nbudget = 1.0\n")
    with pytest.raises(BudgetSpent, match="3 is asked for; the budget is 1"):
        prepare(folder, recipe="private")
    prepare(folder, recipe="guarded")
