"""What a site lets out and in: the release gate, its owner's checks, and admission, in a round."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grandrounds_client import state as kept
from grandrounds_client.arrays import Floats
from grandrounds_client.phases.outgoing import Written
from grandrounds_client.recipes import Classroom, Lessons
from grandrounds_client.service import answer
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Parcel, Reply
from grandrounds_protocol.records import DistillReport, RetrainReport
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Federation, Rules
from tests.client.asking import ask, failure, opened, said

WIDTH = 8
BOUNDS = Bounds(WIDTH, 2, 3)


def rows(count: int = 300, ill: float = 0.5) -> str:
    """Eight measurements each, with three digits, so that no two patients are alike."""
    rng = np.random.default_rng(4)
    x = rng.random((count, WIDTH)).round(3)
    score = x[:, 0] + x[:, 1] + 0.3 * rng.normal(size=count)
    classes = (score > np.quantile(score, 1 - ill)).astype(int)
    lines = [
        ",".join([*map(str, values), str(label)]) for values, label in zip(x, classes, strict=True)
    ]
    return "\n".join([",".join([*(f"m{at}" for at in range(WIDTH)), "outcome"]), *lines]) + "\n"


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., Site]:
    features = [{"name": f"m{at}", "low": 0, "high": 1} for at in range(WIDTH)]
    numbers = [{"kind": "continuous", **feature} for feature in features]
    federation = Federation.model_validate(
        {"name": "made", "label": "outcome", "classes": [0, 1], "features": numbers}
    )

    def make(text: str | None = None, **changes: object) -> Site:
        settings = {"name": "north", "data": "rows.csv", "learner": "tree", **changes}
        path = tmp_path / "rows.csv"
        path.write_text(text or rows(), encoding="utf-8")
        return opened(federation, SiteSettings.model_validate(settings), path)

    return make


def peer(site: Site, name: str = "south") -> Parcel:
    """The site's own model under a peer's name: right about most of its rows."""
    own = ModelRelease.from_bytes(site.store["r/model-current"])
    card = own.card.model_copy(update={"site": name})
    return Parcel("release", name, ("north",), ModelRelease(card, own.onnx).to_bytes())


def distilled(site: Site, rules: Rules) -> Reply:
    answer(site, ask(site, "publish", rules=rules))
    return said(site, ask(site, "distill", peer(site), rules=rules))


def sent(reply: Reply) -> VirtualInstances:
    parts = [VirtualInstances.from_bytes(parcel.payload, BOUNDS) for parcel in reply.parcels]
    return VirtualInstances.concatenate(parts, WIDTH)


def nearest(site: Site, rules: Rules, found: VirtualInstances) -> Floats:
    train = split_rows(site, rules).train.x[:, site.columns]
    distance: Floats = np.abs(found.x[:, None, site.columns] - train[None]).sum(axis=2).min(axis=1)
    return distance


LEVELLED = Rules(recipe="guarded")


def test_a_virtual_row_that_is_a_patient_never_leaves(house: Callable[..., Site]) -> None:
    anybody, patients = house(patients=False), house()
    without = nearest(anybody, LEVELLED, sent(distilled(anybody, LEVELLED)))
    through = nearest(patients, LEVELLED, sent(distilled(patients, LEVELLED)))
    assert (without == 0).any()
    assert len(through) > 10
    assert through.min() > 0
    assert (through < 0.5 - 1e-4).sum() == 0


def test_counts_travel_as_ranges_and_stay_exact_at_home(house: Callable[..., Site]) -> None:
    site = house()
    reply = distilled(site, LEVELLED)
    report = reply.body.report
    assert isinstance(report, DistillReport)
    exact = Written.model_validate_json(site.store[f"r/{kept.written(1)}"])
    count = exact.taught["north"]["south"]
    assert count == len(sent(reply))
    assert count not in {0, 10, 50, 100, 200, 500}
    assert report.taught["north"]["south"] in {0, 10, 50, 100, 200, 500}
    assert 0 <= count - report.taught["north"]["south"] < count
    assert report.gated is not None
    assert report.gated.teachers["north"].released.startswith(f"{report.taught['north']['south']}-")
    assert exact.passages is not None
    assert exact.passages.teachers["north"].released == count


def test_small_cells_are_neither_sent_nor_counted(house: Callable[..., Site]) -> None:
    site = house(rows(60))
    rules = Rules(recipe="guarded", min_rows=10)
    reply = distilled(site, rules)
    found = sent(reply)
    cells = np.zeros((3, 2), int)
    np.add.at(cells, (found.teacher, found.y), 1)
    assert ((cells == 0) | (cells >= 10)).all()


def test_no_rule_of_a_run_goes_below_the_sites_own_floor(house: Callable[..., Site]) -> None:
    def released(rule: int, own: int) -> tuple[bytes, VirtualInstances]:
        learner = {"name": "tree", "min_leaf": 1}
        site = house(rows(60), learner=learner, privacy={"min_rows": own})
        reply = distilled(site, Rules(recipe="guarded", min_rows=rule))
        return site.store[f"r/{kept.CURRENT}"], sent(reply)

    def same(one: tuple[bytes, VirtualInstances], other: tuple[bytes, VirtualInstances]) -> bool:
        lessons = [(rows.x.tobytes(), rows.y.tobytes()) for _, rows in (one, other)]
        return one[0] == other[0] and lessons[0] == lessons[1]

    usual = released(10, 10)
    assert same(released(1, 10), usual)
    assert same(released(10, 1), usual)
    assert not same(released(1, 1), usual)


def test_a_lower_rule_lets_no_mean_of_few_patients_out(house: Callable[..., Site]) -> None:
    site = house(rows(300, ill=0.03), learner="naive-bayes")
    question = ask(site, "publish", rules=Rules(min_rows=1))
    assert failure(site, question).code == "ModelHoldsRows"


def test_a_house_whose_rows_repeat_releases_nothing_and_says_so(
    house: Callable[..., Site],
) -> None:
    lines = rows(40).splitlines()
    site = house("\n".join([lines[0], *lines[1:] * 6]) + "\n")
    reply = distilled(site, LEVELLED)
    assert isinstance(reply.body.report, DistillReport)
    assert reply.parcels == ()
    assert reply.body.report.gated is not None
    assert "cannot tell" in reply.body.report.gated.closed
    assert reply.body.report.taught.get("north", {}) == {}


def test_a_model_that_speaks_of_few_patients_is_refused_at_home(
    house: Callable[..., Site],
) -> None:
    text = rows(300, ill=0.03)
    bayes = failure(house(text, learner="naive-bayes"), ask(house(text), "publish"))
    assert bayes.code == "ModelHoldsRows"
    assert not any(character.isdigit() for character in bayes.reason)
    site = house(text, learner="naive-bayes", patients=False)
    assert said(site, ask(site, "publish")).body.failure is None


def test_small_leaves_are_merged_in_releases_and_candidates(house: Callable[..., Site]) -> None:
    leaves = []
    for fewest in (1, 40):
        site = house(learner={"name": "tree", "min_leaf": 1})
        rules = Rules(min_rows=fewest)
        answer(site, ask(site, "publish", rules=rules))
        answer(site, ask(site, "distill", rules=rules))
        rng = np.random.default_rng(0)
        x = rng.random((60, WIDTH), np.float32)
        virtual = VirtualInstances(x, (x[:, 0] > 0.5).astype(np.int32), np.ones(60, np.int32))
        parcel = Parcel("instances", "south", ("north",), virtual.to_bytes())
        answer(site, ask(site, "retrain", parcel, rules=rules))
        graphs = [site.store[f"r/{name}"] for name in (kept.CURRENT, kept.candidate(1))]
        leaves.append([ModelRelease.from_bytes(graph).onnx.count(b"LEAF") for graph in graphs])
    assert leaves[1][0] < leaves[0][0]
    assert leaves[1][1] < leaves[0][1]


def test_one_sender_cannot_flood_a_student(house: Callable[..., Site]) -> None:
    site = house()
    rules = Rules(quota=30)
    answer(site, ask(site, "publish", rules=rules))
    answer(site, ask(site, "distill", rules=rules))
    x = np.random.default_rng(0).random((500, WIDTH), np.float32)
    flood = VirtualInstances(x, np.ones(500, np.int32), np.ones(500, np.int32))
    parcel = Parcel("instances", "south", ("north",), flood.to_bytes())
    report = said(site, ask(site, "retrain", parcel, rules=rules)).body.report
    assert isinstance(report, RetrainReport)
    assert report.received == 500
    assert report.refused == {"south": {"quota": "200-499"}}
    stood_on = VirtualInstances.from_bytes(site.store[f"r/{kept.candidate_virtual(1)}"], BOUNDS)
    assert len(stood_on) == 30


def test_a_recipe_that_draws_its_seeds_meets_no_gate(house: Callable[..., Site]) -> None:
    def drawn(classroom: Classroom, rng: np.random.Generator) -> list[Lessons]:
        x = rng.random((40, WIDTH), np.float32)
        students = np.zeros((40, classroom.models), np.bool_)
        students[:, 1] = True
        return [Lessons(0, x, np.ones(40, np.int32), students, from_rows=False)]

    site = replace(house(), recipes={"drawn": drawn})
    reply = distilled(site, Rules(recipe="drawn"))
    assert isinstance(reply.body.report, DistillReport)
    assert reply.body.report.gated is None
    assert len(sent(reply)) == 40


def test_the_cover_leaves_out_what_others_of_the_class_cover(house: Callable[..., Site]) -> None:
    every, kept_rows = (
        sent(distilled(house(patients=False), Rules(recipe="guarded", cover_radius=radius)))
        for radius in (0.0, 1.0)
    )
    assert 0 < len(kept_rows) < len(every)
    distance = np.abs(every.x[:, None] - kept_rows.x[None]).sum(axis=2)
    distance[every.y[:, None] != kept_rows.y[None]] = np.inf
    assert distance.min(axis=1).max() <= 1.0 + 1e-5
