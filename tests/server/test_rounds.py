"""The coordinator's loop, with sites that are plain functions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count

import pytest

from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.records import (
    PHASES,
    AdoptReport,
    DistillReport,
    Failure,
    Metrics,
    ModelCard,
    PublishReport,
    ReplyBody,
    Report,
    RetrainReport,
    ReviewReport,
    Score,
    Verdict,
)
from grandrounds_protocol.schema import Rules
from grandrounds_server.outcome import site_outcomes, taught
from grandrounds_server.rounds import Finished, run
from grandrounds_server.state import Plan
from grandrounds_server.steps import Answer
from tests import keys

SITES = ("a", "b", "c")
METRICS = Metrics(accuracy=1, balanced_accuracy=1, auc=1, n=1)
Site = Callable[[Instruction], Answer | None]


def report(instruction: Instruction) -> tuple[Report, tuple[Parcel, ...]]:
    site = instruction.heading.site
    heading = instruction.heading
    peers = peers_of(site, instruction.body.sites, heading.round, instruction.body.rules)
    match instruction.heading.phase:
        case "publish":
            card = ModelCard(
                site=site,
                algorithm="t",
                features=("x",),
                classes=("0", "1"),
                validation=None,
                rows="0-9",
            )
            return PublishReport(card=card), (Parcel("release", site, peers, b"m"),)
        case "distill":
            to = dict.fromkeys(peers, 2)
            parcels = tuple(Parcel("instances", site, (name,), b"i") for name in peers)
            written = DistillReport(
                taught={site: to}, engines={site: "exact"}, converged=1, refused={}
            )
            return written, parcels
        case "retrain":
            received = len(instruction.parcels)
            trained = RetrainReport(received=received, refused={}, candidate=True)
            return trained, (Parcel("candidate", site, peers, b"c"),)
        case "review":
            scores = {p.sender: Score(current=0.5, candidate=0.6) for p in instruction.parcels}
            return ReviewReport(scores=scores, refused={}), ()
        case _:
            verdict = Verdict(gain=0.1, reviewers=2, adopt=True)
            done = AdoptReport(
                verdict=verdict,
                adopted=True,
                reason="adopted",
                virtual_rows=4,
                before=METRICS,
                after=METRICS,
                ensemble=METRICS,
            )
            return done, ()


def honest(instruction: Instruction) -> Answer:
    said, parcels = report(instruction)
    return Reply(ReplyBody(heading=instruction.heading, report=said), parcels)


def federate(
    sites: Mapping[str, Site], rounds: int = 1, min_sites: int = 2, peers: int = 0
) -> tuple[Finished, list[Instruction]]:
    asked: list[Instruction] = []

    def ask(instructions: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
        for name, text in instructions:
            asked.append(text)
            answer = sites[name](text)
            if isinstance(answer, Reply):
                parcels = keys.sealed(answer.heading, answer.parcels)
                answer = replace(answer, parcels=parcels)
            if answer is not None:
                yield name, answer

    ticks = count()
    plan = Plan(
        "r",
        tuple(sites),
        "0" * 64,
        Rules(rounds=rounds, min_sites=min_sites, peers_per_round=peers),
        keys.ROSTER,
    )
    finished = run(plan, ask, clock=lambda: float(next(ticks)), watch=lambda *_: None)
    return finished, asked


def all_honest() -> dict[str, Site]:
    return dict.fromkeys(SITES, honest)


def test_five_phases_a_round_and_every_site_is_asked_in_each() -> None:
    finished, asked = federate(all_honest(), rounds=2)
    assert [(t.heading.round, t.heading.phase, t.heading.site) for t in asked] == [
        (number, phase, site) for number in (1, 2) for phase in PHASES for site in SITES
    ]
    assert finished.stopped == ""
    assert finished.seconds == dict.fromkeys(PHASES, 2.0)


def test_parcels_reach_their_recipients_and_nobody_else() -> None:
    _, asked = federate(all_honest())
    for text in asked:
        senders = [parcel.sender for parcel in text.parcels]
        kinds = {parcel.kind for parcel in text.parcels}
        expected = {"distill": "release", "retrain": "instances", "review": "candidate"}
        if text.heading.phase in expected:
            assert sorted(senders) == [s for s in SITES if s != text.heading.site]
            assert kinds == {expected[text.heading.phase]}
        else:
            assert senders == []


def test_a_student_gets_the_scores_of_all_reviewers() -> None:
    _, asked = federate(all_honest())
    adopt = next(t for t in asked if t.heading.phase == "adopt" and t.heading.site == "a")
    assert set(adopt.body.order.scores) == {"b", "c"}  # type: ignore[union-attr]


@pytest.mark.parametrize("phase", PHASES)
def test_a_failing_site_costs_its_own_contribution_only(phase: str) -> None:
    def failing(text: Instruction) -> Answer:
        if text.heading.phase == phase:
            return Reply.failed(text.heading, Failure(code="InternalError", reason="it broke"))
        return honest(text)

    finished, _ = federate({**all_honest(), "b": failing})
    outcomes = site_outcomes(finished)
    assert finished.stopped == ""
    assert outcomes["b"].reason == f"round 1 {phase}: it broke (InternalError)"
    assert outcomes["a"].adopt is not None
    assert "b" not in outcomes["a"].reason
    contributors = {"publish": 1, "distill": 1}.get(phase, 2)
    assert outcomes["a"].received == contributors


def test_a_site_that_did_not_publish_is_asked_no_further_in_the_round() -> None:
    def late(text: Instruction) -> Answer | None:
        early = text.heading.round == 1 and text.heading.phase == "publish"
        return None if early else honest(text)

    finished, asked = federate({**all_honest(), "b": late}, rounds=2)
    first = [t.heading.phase for t in asked if t.heading.site == "b" and t.heading.round == 1]
    second = [t.heading.phase for t in asked if t.heading.site == "b" and t.heading.round == 2]
    assert first == ["publish"]
    assert second == list(PHASES)
    assert "NoAnswer" in site_outcomes(finished)["b"].reason


def test_below_min_sites_the_round_stops_and_says_so() -> None:
    def silent(text: Instruction) -> Answer | None:  # noqa: ARG001
        return None

    finished, asked = federate({**all_honest(), "b": silent, "c": silent}, rounds=3)
    assert finished.stopped == "round 1 stopped at publish: 1 of at least 2 sites answered"
    assert {t.heading.phase for t in asked} == {"publish"}


def forged(change: str) -> Site:  # noqa: C901
    def site(text: Instruction) -> Answer:
        said, parcels = report(text)
        heading = text.heading
        if heading.phase != "publish":
            return honest(text)
        match change:
            case "another site":
                heading = heading.model_copy(update={"site": "a"})
            case "another round":
                heading = heading.model_copy(update={"round": 9})
            case "another sender":
                parcels = (Parcel("release", "a", ("c",), b""),)
            case "another kind":
                parcels = (Parcel("candidate", "b", ("a",), b""),)
            case "unknown recipient":
                parcels = (Parcel("release", "b", ("mallory",), b""),)
            case "doubled recipient":
                parcels = (Parcel("release", "b", ("a", "a"), b""),)
            case "two for one":
                parcels = (Parcel("release", "b", ("a",), b""), Parcel("release", "b", ("a",), b""))
            case "to itself":
                parcels = (Parcel("release", "b", ("b",), b""),)
        return Reply(ReplyBody(heading=heading, report=said), parcels)

    return site


@pytest.mark.parametrize(
    "change",
    [
        "another site",
        "another round",
        "another sender",
        "another kind",
        "unknown recipient",
        "doubled recipient",
        "two for one",
        "to itself",
    ],
)
def test_a_forged_reply_is_refused_and_the_round_goes_on(change: str) -> None:
    finished, asked = federate({**all_honest(), "b": forged(change)})
    assert "BadMessage" in site_outcomes(finished)["b"].reason
    assert not any(p.sender == "b" for t in asked for p in t.parcels)
    assert site_outcomes(finished)["a"].adopt is not None


def test_with_sampled_peers_parcels_and_scores_stay_among_them() -> None:
    sites = tuple("abcdefgh")
    finished, asked = federate(dict.fromkeys(sites, honest), rounds=2, peers=3)
    drawn = set()
    for text in asked:
        heading = text.heading
        peers = set(peers_of(heading.site, sites, heading.round, text.body.rules))
        drawn.add((heading.site, frozenset(peers)))
        senders = [parcel.sender for parcel in text.parcels]
        if heading.phase in {"distill", "retrain", "review"}:
            assert sorted(senders) == sorted(peers)
        if heading.phase == "adopt":
            assert set(text.body.order.scores) == peers  # type: ignore[union-attr]
    assert len(drawn) > len(sites)
    assert all(not outcome.reason for outcome in site_outcomes(finished).values())


def test_a_parcel_for_a_site_that_is_no_peer_of_this_round_is_refused() -> None:
    sites = tuple("abcdefgh")

    def to_all(text: Instruction) -> Answer:
        said, parcels = report(text)
        others = tuple(name for name in sites if name != "b")
        if text.heading.phase == "publish":
            parcels = (Parcel("release", "b", others, b"m"),)
        return Reply(ReplyBody(heading=text.heading, report=said), parcels)

    finished, asked = federate({**dict.fromkeys(sites, honest), "b": to_all}, peers=3)
    assert "BadMessage" in site_outcomes(finished)["b"].reason
    assert not any(p.sender == "b" for t in asked for p in t.parcels)


def test_taught_sums_over_sites_and_rounds() -> None:
    finished, _ = federate(all_honest(), rounds=2)
    assert taught(finished)["a"] == {"b": 4, "c": 4}


def test_a_model_left_out_of_an_ensemble_stands_in_its_owners_reasons() -> None:
    def without_b(text: Instruction) -> Answer:
        said, parcels = report(text)
        if isinstance(said, AdoptReport):
            said = said.model_copy(update={"refused": {"b": "BadModel"}})
        return Reply(ReplyBody(heading=text.heading, report=said), parcels)

    finished, _ = federate({"a": without_b, "b": honest, "c": without_b}, rounds=2)
    assert site_outcomes(finished)["b"].reason == (
        "rounds 1, 2 adopt: its first model was left out of the ensemble by 2 of 3 (BadModel)"
    )
