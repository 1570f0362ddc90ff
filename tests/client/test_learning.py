"""What a site makes of what it is sent: lessons, candidates, scores, hostile models."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.service import answer
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.records import (
    AdoptOrder,
    AdoptReport,
    DistillReport,
    ModelCard,
    RetrainReport,
    ReviewReport,
    Score,
)
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Federation, Rules
from tests.client.asking import ROWS, Make, ask, opened, said
from tests.vectors.sound import model


def lessons(rows: int = 40) -> Parcel:
    rng = np.random.default_rng(0)
    x = rng.random((rows, 4), np.float32)
    y = (x[:, 0] > 0.5).astype(np.int32)
    written = VirtualInstances(x, y, np.ones(rows, np.int32))
    return Parcel("instances", "south", ("north",), written.to_bytes())


def retrained(site: Site) -> Site:
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase))
    report = said(site, ask(site, "retrain", lessons())).body.report
    assert report == RetrainReport(received=10, refused={}, candidate=True)
    return site


def adopt(site: Site, *scores: tuple[float, float]) -> AdoptReport:
    order = AdoptOrder(
        scores={
            name: Score(current=a, candidate=b)
            for name, (a, b) in zip(("north", "south", "west"), scores, strict=False)
        }
    )
    report = said(site, ask(site, "adopt", order=order)).body.report
    assert isinstance(report, AdoptReport)
    return report


def test_a_candidate_that_the_reviewers_favour_is_adopted(site: Site) -> None:
    report = adopt(retrained(site), (0.5, 0.6), (0.5, 0.7))
    assert (report.adopted, report.reason, report.virtual_rows) == (True, "adopted", 10)
    assert site.store["r/model-current"] == site.store["r/candidate/1/1"]


@pytest.mark.parametrize("scores", [((0.5, 0.5),), ((0.6, 0.5), (0.6, 0.5), (0.0, 1.0))])
def test_a_candidate_without_a_gain_leaves_no_trace_in_the_model(
    site: Site, scores: tuple[tuple[float, float], ...]
) -> None:
    report = adopt(retrained(site), *scores)
    assert (report.adopted, report.reason, report.virtual_rows) == (False, "no gain", 0)
    assert site.store["r/model-current"] == site.store["r/model-first"]
    assert report.after == report.before


def test_a_candidate_that_nobody_could_review_is_not_adopted(site: Site) -> None:
    report = adopt(retrained(site))
    assert (report.adopted, report.reason) == (False, "nobody reviewed")


def test_the_sites_own_rule_may_veto(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    # all lessons say the opposite of the site's own rows, and the reviewers lie
    own_rule = settings(learner="naive-bayes")
    site = retrained(opened(federation, own_rule, write(ROWS)))
    written = VirtualInstances.from_bytes(lessons(2000).payload, Bounds(4, 2, 2))
    opposite = replace(written, x=1 - written.x)
    parcel = Parcel("instances", "south", ("north",), opposite.to_bytes())
    answer(site, ask(site, "publish", round_=2))
    answer(site, ask(site, "retrain", parcel, round_=2))
    order = AdoptOrder(scores={"south": Score(current=0, candidate=1)})
    report = said(site, ask(site, "adopt", order=order, round_=2)).body.report
    assert isinstance(report, AdoptReport)
    assert (report.adopted, report.reason) == (False, "vetoed by own rule")


def test_the_own_rule_looks_at_validation_rows_and_not_at_held_out_ones(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    # held-out rows of the other class: a candidate of the opposite opinion looks good there
    own_rule = settings(learner="naive-bayes")
    site = opened(federation, own_rule, write(ROWS))
    held_out = split_rows(site, Rules()).held_out.x
    is_held_out = (site.rows.x[:, None] == held_out[None]).all(axis=2).any(axis=1)
    x = np.where(is_held_out[:, None], 1 - site.rows.x, site.rows.x)
    turned = retrained(replace(site, rows=replace(site.rows, x=x)))
    written = VirtualInstances.from_bytes(lessons(2000).payload, Bounds(4, 2, 2))
    parcel = Parcel("instances", "south", ("north",), replace(written, x=1 - written.x).to_bytes())
    answer(turned, ask(turned, "publish", round_=2))
    answer(turned, ask(turned, "retrain", parcel, round_=2))
    order = AdoptOrder(scores={"south": Score(current=0, candidate=1)})
    report = said(turned, ask(turned, "adopt", order=order, round_=2)).body.report
    assert isinstance(report, AdoptReport)
    assert report.reason == "vetoed by own rule"


def agreement(site: Site, recipe: str) -> float:
    """Share of own training rows that a site still has right after many rows of the opposite."""
    rules = Rules(recipe=recipe)
    x = np.tile(1 - split_rows(site, rules).train.x, (20, 1))
    y = np.tile(split_rows(site, rules).train.y, 20)
    x += np.random.default_rng(0).uniform(-1e-3, 1e-3, x.shape).astype(np.float32)
    rows = VirtualInstances(np.clip(x, 0, 1), y, np.ones(len(y), np.int32))
    parcel = Parcel("instances", "south", ("north",), rows.to_bytes())
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase, rules=rules))
    assert said(site, ask(site, "retrain", parcel, rules=rules)).body.failure is None
    candidate = teacher_of(site, site.store["r/candidate/1/1"], "north")
    train = split_rows(site, rules).train
    return float((candidate.predict_proba(train.x).argmax(axis=1) == train.y).mean())


def test_rows_from_drawn_seeds_do_not_outvote_own_rows(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    site = opened(federation, settings(learner="logistic"), write(ROWS))
    simulated = replace(site, simulated=True)
    assert agreement(replace(simulated, store={}), "private") > 0.6
    # elsewhere each counts as much as an own one
    assert agreement(replace(simulated, store={}), "guarded") < 0.5


def review(site: Site, *parcels: Parcel) -> ReviewReport:
    report = said(site, ask(site, "review", *parcels)).body.report
    assert isinstance(report, ReviewReport)
    return report


def test_a_reviewer_scores_its_own_candidate_too(site: Site) -> None:
    assert set(review(retrained(site)).scores) == {"north"}


def test_a_broken_candidate_is_refused_and_the_others_are_scored(site: Site) -> None:
    broken = Parcel("candidate", "south", ("north",), b"\x00\x00\x00\x02{}not onnx")
    report = review(retrained(site), broken)
    assert report.refused == {"south": "Stale"}
    assert set(report.scores) == {"north"}


def test_a_peers_broken_model_costs_that_teacher_only(site: Site) -> None:
    answer(site, ask(site, "publish"))
    broken = Parcel("release", "south", ("north",), b"\x80\x04pickle")
    report = said(site, ask(site, "distill", broken)).body.report
    assert isinstance(report, DistillReport)
    assert report.refused == {"south": "BadModel"}


def test_a_resent_row_makes_no_new_candidate_once_adopted(site: Site) -> None:
    adopt(retrained(site), (0.5, 0.6))
    answer(site, ask(site, "publish", round_=2))
    answer(site, ask(site, "distill", round_=2))
    report = said(site, ask(site, "retrain", lessons(), round_=2)).body.report
    known = {"south": {"duplicate": "10-49"}}
    assert report == RetrainReport(received=10, refused=known, candidate=False)


def hostile_forest() -> Parcel:
    """Two trees that answer well up to age 80, and add up to 10 above it."""
    leaves = [(0, 1, (0.25, 0.25)), (0, 2, (5, 5)), (1, 1, (0.4, 0.1)), (1, 2, (0.1, 0.4))]
    nodes = [0, 1, 2] * 2
    graph = model(
        [
            helper.make_node(
                "TreeEnsembleClassifier",
                ["X"],
                ["label", "p"],
                domain="ai.onnx.ml",
                nodes_treeids=[0, 0, 0, 1, 1, 1],
                nodes_nodeids=nodes,
                nodes_featureids=[0] * 6,
                nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"] * 2,
                nodes_values=[0.8, 0.0, 0.0, 0.5, 0.0, 0.0],
                nodes_truenodeids=[1, 0, 0] * 2,
                nodes_falsenodeids=[2, 0, 0] * 2,
                class_treeids=[tree for tree, _, _ in leaves for _ in "ab"],
                class_nodeids=[node for _, node, _ in leaves for _ in "ab"],
                class_ids=[0, 1] * 4,
                class_weights=[weight for _, _, weights in leaves for weight in weights],
                classlabels_int64s=[0, 1],
                post_transform="NONE",
            )
        ]
    )
    card = ModelCard(
        site="south",
        algorithm="forest",
        features=("age",),
        classes=("well", "ill"),
        validation=None,
        rows="10-49",
    )
    release = ModelRelease(card, graph.SerializeToString()).to_bytes()
    return Parcel("release", "south", ("north",), release)


def test_a_teacher_that_fails_off_the_patients_costs_its_own_lessons_only(site: Site) -> None:
    # right on every row this site has, out of range where an engine asks
    answer(site, ask(site, "publish"))
    report = said(site, ask(site, "distill", hostile_forest())).body
    assert isinstance(report.report, DistillReport)
    assert report.report.refused == {"south": "BadModel"}
    assert set(report.report.taught) <= {"north"}


def test_a_peer_that_fails_on_held_out_rows_is_left_out_of_the_ensemble(site: Site) -> None:
    retrained(site)
    site.store["r/peer-first/south"] = b"no release"
    report = adopt(site, (0.5, 0.6))
    assert report.refused == {"south": "BadModel"}
    assert report.ensemble == report.before


def test_scores_of_reviewers_who_are_no_members_do_not_count(site: Site) -> None:
    retrained(site)
    order = AdoptOrder(scores={"mallory": Score(current=0, candidate=1)})
    report = said(site, ask(site, "adopt", order=order)).body.report
    assert isinstance(report, AdoptReport)
    assert report.verdict.reviewers == 0
    assert not report.adopted


@pytest.mark.parametrize(("reviewers", "reason"), [(2, "too few reviewers"), (3, "adopted")])
def test_where_few_meet_a_verdict_needs_three_scores(
    site: Site, reviewers: int, reason: str
) -> None:
    sites, rules = ("north", *"abcdefg"), Rules(peers_per_round=2)
    peers = peers_of("north", sites, 1, rules)
    stranger = next(name for name in sites[1:] if name not in peers)
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase, rules=rules, sites=sites))
    written = replace(lessons(), sender=peers[0])
    answer(site, ask(site, "retrain", written, rules=rules, sites=sites))
    named = [*("north", *peers)[:reviewers], stranger]
    order = AdoptOrder(scores={name: Score(current=0.5, candidate=0.6) for name in named})
    report = said(site, ask(site, "adopt", order=order, rules=rules, sites=sites)).body.report
    assert isinstance(report, AdoptReport)
    assert (report.reason, report.adopted) == (reason, reason == "adopted")
    assert report.verdict.reviewers == reviewers


def test_a_reviewer_remembers_the_score_and_not_the_model_of_a_student(site: Site) -> None:
    answer(site, ask(site, "publish"))
    own = ModelRelease.from_bytes(site.store["r/model-current"])
    card = own.card.model_copy(update={"site": "south"})
    release = ModelRelease(card, own.onnx).to_bytes()
    answer(site, ask(site, "distill", Parcel("release", "south", ("north",), release)))
    (score,) = review(site, Parcel("candidate", "south", ("north",), release)).scores.values()
    assert score.current == score.candidate == own.card.validation.balanced_accuracy  # type: ignore[union-attr]
    kept_models = [name for name in site.store if release in site.store[name]]
    assert kept_models == ["r/peer-first/south"]


def test_a_teacher_that_the_rules_engine_does_not_fit_is_written_with_by_another(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    site = opened(federation, settings(learner="tree"), write(ROWS))
    rules = Rules(recipe="guarded", engine="linear")
    answer(site, ask(site, "publish", rules=rules))
    report = said(site, ask(site, "distill", rules=rules)).body.report
    assert isinstance(report, DistillReport)
    assert report.engines == {"north": "exact"}
    assert report.refused == {}
