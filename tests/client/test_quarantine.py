"""A student whose candidate lost: whose rows harmed it, and its second attempt."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from grandrounds_client.service import answer
from grandrounds_client.site import Site
from grandrounds_client.state import QUARANTINE, VIRTUAL, State, candidate_virtual
from grandrounds_protocol.errors import BadMessage
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Instruction, Parcel
from grandrounds_protocol.records import (
    AdoptOrder,
    AdoptReport,
    Heading,
    Phase,
    RetrainReport,
    ReviewReport,
    Score,
)
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.signed import Signed
from tests import keys
from tests.client.asking import ROWS, Make, ask, exact, failure, opened

NORTH, SOUTH, WEST = range(3)
BOUNDS = Bounds(4, 2, 3)
BETTER, WORSE = Score(current=0.5, candidate=0.9), Score(current=0.9, candidate=0.5)
Attempt = Literal[1, 2]


@pytest.fixture
def student(federation: Federation, settings: Make, write: Callable[[str], Path]) -> Site:
    """A site that has published and looked for lessons."""
    site = opened(federation, settings(learner="naive-bayes"), write(ROWS))
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase))
    return site


def written(sender: str, teacher: int, *, wrong: bool, rows: int = 300, seed: int = 0) -> Parcel:
    """Rows of the student's own rule, or of its opposite."""
    x = np.random.default_rng([seed, teacher, wrong]).random((rows, 4), np.float32)
    y = ((x[:, 0] > 0.5) != wrong).astype(np.int32)
    lessons = VirtualInstances(x, y, np.full(rows, teacher, np.int32))
    return Parcel("instances", sender, ("north",), lessons.to_bytes())


def retrain(site: Site, *parcels: Parcel, round_: int = 1, attempt: Attempt = 1) -> RetrainReport:
    asked = ask(site, "retrain", *parcels, round_=round_, attempt=attempt)
    report = exact(site, asked).body.report
    assert isinstance(report, RetrainReport)
    return report


def adopt(site: Site, score: Score, round_: int = 1, attempt: Attempt = 1) -> AdoptReport:
    order = AdoptOrder(scores={"south": score})
    asked = ask(site, "adopt", order=order, round_=round_, attempt=attempt)
    report = exact(site, asked).body.report
    assert isinstance(report, AdoptReport)
    return report


def harmed(site: Site, *, names: int = WEST, rows: int = 2000) -> AdoptReport:
    """South teaches well; west sends the opposite under the name of some teacher, and wins."""
    honest = written("south", SOUTH, wrong=False)
    hostile = written("west", names, wrong=True, rows=rows)
    assert retrain(site, honest, hostile).candidate
    return adopt(site, WORSE)


def rows_of(site: Site, name: str) -> tuple[set[int], set[int]]:
    """Senders and teachers of the virtual rows kept under a name."""
    kept = State(site.store, "r").sent_rows(name, BOUNDS)
    return set(kept.sender.tolist()), set(kept.rows.teacher.tolist())


def test_the_peer_whose_rows_harmed_the_candidate_is_quarantined(student: Site) -> None:
    report = harmed(student)
    assert (report.adopted, report.quarantined, report.again) == (False, ("west",), True)


def test_the_second_attempt_stands_on_the_others_rows_and_may_be_adopted(student: Site) -> None:
    harmed(student)
    assert retrain(student, attempt=2) == RetrainReport(
        received=0, refused={"west": {"quarantined": "1000+"}}, candidate=True
    )
    report = adopt(student, BETTER, attempt=2)
    assert (report.adopted, report.virtual_rows) == (True, 300)
    assert (report.quarantined, report.again) == ((), False)
    assert rows_of(student, VIRTUAL) == ({SOUTH}, {SOUTH})
    assert student.store["r/model-current"] == student.store["r/candidate/1/2"]


def test_who_names_another_teacher_is_found_all_the_same_and_harms_nobody(student: Site) -> None:
    assert harmed(student, names=SOUTH).quarantined == ("west",)
    retrain(student, attempt=2)
    assert rows_of(student, candidate_virtual(1, 2)) == ({SOUTH}, {SOUTH})


def test_good_rows_beside_bad_ones_under_another_name_frame_nobody(student: Site) -> None:
    # without south's name the candidate would be good, but it was west that wrote it there
    good = VirtualInstances.from_bytes(written("west", WEST, wrong=False).payload, BOUNDS)
    bad = VirtualInstances.from_bytes(written("west", SOUTH, wrong=True, rows=2000).payload, BOUNDS)
    mixed = VirtualInstances.concatenate([good, bad], 4)
    parcel = Parcel("instances", "west", ("north",), mixed.to_bytes())
    retrain(student, written("south", SOUTH, wrong=False), parcel)
    assert adopt(student, WORSE).quarantined == ("west",)


def test_a_candidate_that_lost_for_nobodys_fault_accuses_nobody(student: Site) -> None:
    parcels = (written("south", SOUTH, wrong=False), written("west", WEST, wrong=False))
    retrain(student, *parcels)
    report = adopt(student, WORSE)
    assert (report.reason, report.quarantined, report.again) == ("no gain", (), False)
    assert f"r/{QUARANTINE}" not in student.store


def test_reviewers_who_lie_do_not_help_the_peer_that_harms(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    # a site that forbids itself nothing still looks where its own rows see no gain
    lenient = settings(learner="naive-bayes", veto_drop=1.0)
    student = opened(federation, lenient, write(ROWS))
    for phase in ("publish", "distill"):
        answer(student, ask(student, phase))
    honest, hostile = (
        written("south", SOUTH, wrong=False),
        written("west", WEST, wrong=True, rows=2000),
    )
    retrain(student, honest, hostile)
    report = adopt(student, BETTER)
    assert (report.adopted, report.reason) == (False, "harmed by a peer")
    assert (report.quarantined, report.again, report.virtual_rows) == (("west",), True, 0)


def test_an_adopted_candidate_accuses_nobody(student: Site) -> None:
    retrain(student, written("south", SOUTH, wrong=False), written("west", WEST, wrong=False))
    report = adopt(student, BETTER)
    assert (report.adopted, report.quarantined, report.again) == (True, (), False)


def test_a_veto_by_the_own_rule_asks_too_whose_rows_it_was(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    site = opened(federation, settings(learner="naive-bayes"), write(ROWS))
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase))
    honest = written("south", SOUTH, wrong=False, rows=30)
    retrain(site, honest, written("west", WEST, wrong=True, rows=2000))
    report = adopt(site, BETTER)
    assert (report.reason, report.quarantined) == ("vetoed by own rule", ("west",))


def next_round(site: Site, round_: int) -> None:
    for phase in ("publish", "distill"):
        answer(site, ask(site, phase, round_=round_))


def test_a_quarantine_lasts_for_the_rest_of_the_run(student: Site) -> None:
    harmed(student)
    for round_ in (2, 3):
        next_round(student, round_)
        hostile = written("west", WEST, wrong=False, seed=round_)
        # south's word that west taught a row costs south that row
        by_both = written("south", WEST, wrong=False, rows=20, seed=round_)
        report = retrain(student, by_both, hostile, round_=round_)
        refused = {"west": {"quarantined": "0-9"}, "south": {"quarantined": "10-49"}}
        assert report == RetrainReport(received=20, refused=refused, candidate=False)


def test_rows_adopted_earlier_leave_with_the_peer_that_sent_them(student: Site) -> None:
    first = (written("south", SOUTH, wrong=False), written("west", WEST, wrong=False, rows=30))
    retrain(student, *first)
    assert adopt(student, BETTER).virtual_rows == 330
    next_round(student, 2)
    retrain(student, written("west", WEST, wrong=True, rows=2000, seed=1), round_=2)
    assert adopt(student, WORSE, round_=2).quarantined == ("west",)
    retrain(student, round_=2, attempt=2)
    assert adopt(student, BETTER, round_=2, attempt=2).virtual_rows == 300
    assert rows_of(student, VIRTUAL) == ({SOUTH}, {SOUTH})


def test_a_second_attempt_takes_nothing_more_in(student: Site) -> None:
    harmed(student)
    late = written("south", SOUTH, wrong=True, rows=2000, seed=5)
    retrain(student, late, attempt=2)
    assert len(State(student.store, "r").instances(candidate_virtual(1, 2), BOUNDS)) == 300


def test_a_second_attempt_that_loses_too_asks_for_no_third(
    student: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmed(student)
    retrain(student, attempt=2)
    adopting = sys.modules["grandrounds_client.phases.adopt"]
    monkeypatch.setattr(adopting, "most_harmful", lambda *_: "south")
    report = adopt(student, WORSE, attempt=2)
    assert (report.adopted, report.quarantined, report.again) == (False, (), False)


def test_a_second_attempt_nobody_asked_for_is_stale(student: Site) -> None:
    retrain(student, written("south", SOUTH, wrong=False))
    assert not adopt(student, WORSE).again
    assert failure(student, ask(student, "retrain", attempt=2)).code == "Stale"


def test_a_second_attempt_of_another_round_is_stale(student: Site) -> None:
    harmed(student)
    next_round(student, 2)
    retrain(student, written("south", SOUTH, wrong=False, seed=7), round_=2)
    adopt(student, WORSE, round_=2)
    assert failure(student, ask(student, "retrain", round_=2, attempt=2)).code == "Stale"
    assert failure(student, ask(student, "retrain", round_=1, attempt=2)).code == "Stale"


@pytest.mark.parametrize("phase", ["publish", "distill"])
def test_there_is_no_second_attempt_at_lessons(student: Site, phase: Phase) -> None:
    good = Instruction.from_bytes(bytes(Signed.from_bytes(ask(student, phase)).body))
    heading = Heading.model_construct(**{**dict(good.heading), "attempt": 2})
    forged = replace(good, body=good.body.model_copy(update={"heading": heading}))
    with pytest.raises(BadMessage):
        answer(student, keys.OFFICE.sign(forged.to_bytes(), "north"))


def test_a_repeat_of_either_attempt_gets_its_own_answer_and_changes_nothing(student: Site) -> None:
    parcels = (written("south", SOUTH, wrong=False), written("west", WEST, wrong=True, rows=2000))
    order = AdoptOrder(scores={"south": WORSE})
    questions, first = [], []
    steps: tuple[tuple[Phase, Attempt], ...] = (
        ("retrain", 1),
        ("adopt", 1),
        ("retrain", 2),
        ("adopt", 2),
    )
    for phase, attempt in steps:
        sent = parcels if (phase, attempt) == ("retrain", 1) else ()
        scores = order if phase == "adopt" else None
        questions.append(ask(student, phase, *sent, order=scores, attempt=attempt))
        first.append(answer(student, questions[-1]))
    kept = dict(student.store)
    assert [answer(student, question) for question in questions] == first
    assert dict(student.store) == kept
    assert len(set(first)) == 4


def test_an_answer_of_one_attempt_is_no_answer_of_the_other(student: Site) -> None:
    harmed(student)
    retrain(student, attempt=2)
    changed = ask(student, "retrain", written("south", SOUTH, wrong=False, seed=9), attempt=2)
    assert failure(student, changed).code == "Stale"
    # a first attempt's question that was never asked comes too late
    assert failure(student, ask(student, "review")).code == "Stale"


def candidate(site: Site, sender: str) -> Parcel:
    own = ModelRelease.from_bytes(site.store["r/model-current"])
    card = own.card.model_copy(update={"site": sender})
    return Parcel("candidate", sender, ("north",), ModelRelease(card, own.onnx).to_bytes())


def test_a_reviewer_answers_only_so_many_candidates_of_a_peer_in_a_run(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    site = opened(federation, settings(), write(ROWS))
    rules = Rules(review_max=2, min_rows=1, rounds=2)
    reports = []
    tries: tuple[tuple[int, Attempt], ...] = ((1, 1), (1, 2), (2, 1))
    for round_, attempt in tries:
        if attempt == 1:
            answer(site, ask(site, "publish", round_=round_, rules=rules))
            releases = [
                replace(candidate(site, name), kind="release") for name in ("south", "west")
            ]
            answer(site, ask(site, "distill", *releases, round_=round_, rules=rules))
        senders = ("south", "west") if round_ == 2 else ("south",)
        parcels = [candidate(site, name) for name in senders]
        asked = ask(site, "review", *parcels, round_=round_, attempt=attempt, rules=rules)
        assert answer(site, asked) == answer(site, asked)  # a repeat counts once
        report = exact(site, asked).body.report
        assert isinstance(report, ReviewReport)
        reports.append((set(report.scores), report.refused))
    assert reports == [
        ({"south"}, {}),
        ({"south"}, {}),
        ({"west"}, {"south": "TooManyCandidates"}),
    ]
