"""A second attempt, as the coordinator leads it: only those it concerns are asked, and once."""

from collections.abc import Mapping

import pytest

from grandrounds_protocol.messages import Instruction, Parcel, Reply
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.records import (
    PHASES,
    SECOND_ATTEMPT,
    AdoptReport,
    Failure,
    ReplyBody,
    ReviewReport,
)
from grandrounds_server.outcome import site_outcomes
from grandrounds_server.rounds import Finished
from grandrounds_server.steps import Answer
from tests.server.test_rounds import Site, all_honest, federate, honest, report


def losing(text: Instruction) -> Answer:
    """Lose, blame site c and ask for one attempt more, every time."""
    said, parcels = report(text)
    if isinstance(said, AdoptReport):
        lost = {"adopted": False, "reason": "no gain", "quarantined": ("c",), "again": True}
        said = said.model_copy(update=lost)
    return Reply(ReplyBody(heading=text.heading, report=said), parcels)


def second(asked: list[Instruction]) -> list[tuple[str, str]]:
    return [(t.heading.phase, t.heading.site) for t in asked if t.heading.attempt == 2]


def federated(
    sites: Mapping[str, Site], rounds: int = 1, peers: int = 0
) -> tuple[Finished, list[Instruction]]:
    return federate(sites, rounds=rounds, peers=peers)


def test_where_nobody_asks_for_a_second_attempt_nothing_more_is_asked() -> None:
    finished, asked = federated(all_honest(), rounds=2)
    assert second(asked) == []
    assert len(asked) == 2 * len(PHASES) * 3
    assert [record.number for record in finished.rounds] == [1, 2]


def test_the_student_retrains_and_its_peers_review_only_its_candidate() -> None:
    _, asked = federated({**all_honest(), "a": losing})
    assert second(asked) == [
        ("retrain", "a"),
        ("review", "a"),
        ("review", "b"),
        ("review", "c"),
        ("adopt", "a"),
    ]
    parcels = {
        (t.heading.phase, t.heading.site): [(p.kind, p.sender) for p in t.parcels]
        for t in asked
        if t.heading.attempt == 2
    }
    assert parcels["retrain", "a"] == parcels["review", "a"] == parcels["adopt", "a"] == []
    assert parcels["review", "b"] == parcels["review", "c"] == [("candidate", "a")]


def test_the_verdict_is_on_the_scores_of_the_second_attempt_only() -> None:
    def doubting(text: Instruction) -> Answer:
        answer = honest(text)
        said = answer.body.report if isinstance(answer, Reply) else None
        if isinstance(said, ReviewReport) and text.heading.attempt == 2:
            silent = said.model_copy(update={"scores": {}})
            return Reply(ReplyBody(heading=text.heading, report=silent))
        return answer

    _, asked = federated({**all_honest(), "a": losing, "c": doubting})
    first, again = (t for t in asked if t.heading.phase == "adopt" and t.heading.site == "a")
    assert set(first.body.order.scores) == {"b", "c"}  # type: ignore[union-attr]
    assert set(again.body.order.scores) == {"b"}  # type: ignore[union-attr]


def test_who_always_asks_for_more_gets_one_second_attempt_a_round() -> None:
    finished, asked = federated({**all_honest(), "a": losing}, rounds=2)
    headings = [(t.heading.round, t.heading.attempt, t.heading.phase) for t in asked]
    assert [h for h in dict.fromkeys(headings) if h[1] == 2] == [
        (number, 2, phase) for number in (1, 2) for phase in SECOND_ATTEMPT
    ]
    assert [(r.number, r.attempt) for r in finished.rounds] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_with_sampled_peers_only_the_students_peers_are_asked_again() -> None:
    sites = tuple("abcdefgh")
    _, asked = federated({**dict.fromkeys(sites, honest), "a": losing}, peers=3)
    met = peers_of("a", sites, 1, asked[0].body.rules)
    assert [site for phase, site in second(asked) if phase == "review"] == sorted({"a", *met})


def test_a_student_without_a_second_candidate_is_not_reviewed() -> None:
    def nothing_left(text: Instruction) -> Answer:
        if text.heading.attempt == 2 and text.heading.phase == "retrain":
            said, _ = report(text)
            none = said.model_copy(update={"candidate": False})
            return Reply(ReplyBody(heading=text.heading, report=none))
        return losing(text)

    _, asked = federated({**all_honest(), "a": nothing_left})
    assert second(asked) == [("retrain", "a"), ("adopt", "a")]


@pytest.mark.parametrize("phase", SECOND_ATTEMPT)
def test_who_fails_in_a_second_attempt_costs_its_own_contribution_only(phase: str) -> None:
    def failing(text: Instruction) -> Answer:
        if text.heading.attempt == 2 and text.heading.phase == phase:
            return Reply.failed(text.heading, Failure(code="InternalError", reason="it broke"))
        return losing(text)

    finished, _ = federated({**all_honest(), "a": failing}, rounds=2)
    assert finished.stopped == ""
    outcomes = site_outcomes(finished)
    assert f"rounds 1 (second attempt), 2 (second attempt) {phase}: it broke" in (
        outcomes["a"].reason
    )
    assert outcomes["b"].reason == ""


def test_an_answer_to_the_first_attempt_is_none_to_the_second() -> None:
    def replaying(text: Instruction) -> Answer:
        heading = text.heading.model_copy(update={"attempt": 1})
        said, _ = report(text)
        return (
            Reply(ReplyBody(heading=heading, report=said), (Parcel("candidate", "a", ("b",), b""),))
            if text.heading.attempt == 2
            else losing(text)
        )

    finished, asked = federated({**all_honest(), "a": replaying})
    assert "(second attempt) retrain: the message is not well-formed (BadMessage)" in (
        site_outcomes(finished)["a"].reason
    )
    assert ("review", "b") not in second(asked)


def test_an_outcome_names_whom_a_site_put_in_quarantine_and_what_came_of_it() -> None:
    def wins_then(text: Instruction) -> Answer:
        return honest(text) if text.heading.attempt == 2 else losing(text)

    finished, _ = federated({**all_honest(), "a": wins_then})
    outcome = site_outcomes(finished)["a"]
    assert outcome.quarantined == ("c",)
    assert outcome.reason == "round 1 adopt: no gain; round 1 adopt: quarantined c"
    assert outcome.adopt is not None
    assert outcome.adopt.adopted
    assert outcome.received == 2
    assert site_outcomes(finished)["b"].quarantined == ()
