"""A site's one door: each question once, and nothing raised gets out."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from grandrounds_client import phases
from grandrounds_client.forgetting import KEPT
from grandrounds_client.phases import Outcome, Question
from grandrounds_client.service import answer
from grandrounds_client.site import Site
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import BadMessage, UnknownSite, WorkFailed
from grandrounds_protocol.messages import Parcel
from grandrounds_protocol.peers import peers_of
from grandrounds_protocol.records import (
    DistillReport,
    PublishOrder,
    PublishReport,
    RetrainOrder,
    RetrainReport,
)
from grandrounds_protocol.schema import Federation, Rules
from tests.client.asking import ROWS, Make, ask, failure, opened, said

PLANTED = "74.813"


def test_a_repeated_question_gets_the_same_answer_and_changes_nothing(site: Site) -> None:
    first = answer(site, ask(site, "publish"))
    kept = dict(site.store)
    assert answer(site, ask(site, "publish")) == first
    assert dict(site.store) == kept


def test_a_question_put_twice_at_once_is_worked_on_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a coordinator that asks again while the site is still at work; each message has a process
    at_work, worked, perform = threading.Barrier(2), [], phases.perform

    def slowly(question: Question) -> Outcome:
        worked.append(question)
        with suppress(threading.BrokenBarrierError):
            at_work.wait(0.5)
        return perform(question)

    def process() -> Site:
        store = DirectoryStore(tmp_path / "store")
        return replace(site, store=store, alone=store.alone)

    monkeypatch.setattr(phases, "perform", slowly)
    question = ask(site, "publish")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(answer, [process(), process()], [question] * 2)
    assert first == second
    assert len(worked) == 1


def test_a_repeat_with_other_content_is_stale(site: Site) -> None:
    answer(site, ask(site, "publish"))
    answer(site, ask(site, "distill"))
    other = ask(site, "distill", Parcel("release", "south", ("north",), b"x"))
    assert failure(site, other).code == "Stale"


def test_a_question_older_than_one_answered_is_stale(site: Site) -> None:
    answer(site, ask(site, "publish"))
    answer(site, ask(site, "retrain"))
    assert failure(site, ask(site, "distill")).code == "Stale"
    answer(site, ask(site, "publish", round_=2))
    assert failure(site, ask(site, "review", round_=1)).code == "Stale"


def test_a_reply_is_kept_until_a_later_round_was_answered(site: Site) -> None:
    asked = ask(site, "publish")
    first = answer(site, asked)
    answer(site, ask(site, "distill"))
    assert answer(site, asked) == first
    answer(site, ask(site, "publish", round_=2))
    assert [key for key in site.store if "/reply/" in key] == ["r/reply/2/1/publish"]
    assert failure(site, asked).code == "Stale"
    # what tells the house what left it stays
    assert {"r/said/1/1/publish", "r/said/1/1/distill"} <= set(site.store)


def test_of_runs_the_latest_are_kept_whole_and_nothing_of_those_before(site: Site) -> None:
    for number in range(KEPT + 3):
        said(site, ask(site, "publish", run=f"run-{number}"))
        if number == 1:
            site.store["of/no-run"] = b"kept"
    runs = {key.partition("/")[0] for key in site.store if key.startswith("run-")}
    assert runs == {f"run-{number}" for number in range(3, KEPT + 3)}
    assert site.store["of/no-run"] == b"kept"
    first = [key for key in site.store if key.startswith("run-3/")]
    last = [key for key in site.store if key.startswith(f"run-{KEPT + 2}/")]
    assert len(first) == len(last)
    # killed before it had forgotten all, a site goes on with it at its next answer
    site.store["run-2/left-over"] = b"x"
    said(site, ask(site, "publish", run=f"run-{KEPT + 2}", round_=2))
    assert "run-2/left-over" not in site.store


def test_a_phase_whose_earlier_ones_were_missed_is_stale(site: Site) -> None:
    assert failure(site, ask(site, "distill")).code == "Stale"
    assert dict(site.store) == {}


def test_rules_do_not_change_within_a_run(site: Site) -> None:
    # another seed would split anew, and held-out rows would be trained on
    answer(site, ask(site, "publish"))
    assert failure(site, ask(site, "distill", rules=Rules(seed=9))).code == "Stale"


def test_the_roster_does_not_change_within_a_run(site: Site) -> None:
    # another roster would choose whom this site meets
    answer(site, ask(site, "publish"))
    assert failure(site, ask(site, "distill", sites=("north", "south"))).code == "Stale"


def test_a_round_beyond_those_of_the_rules_is_refused(site: Site) -> None:
    rules = Rules(recipe="guarded", rounds=2)
    answer(site, ask(site, "publish", round_=2, rules=rules))
    kept = dict(site.store)
    assert failure(site, ask(site, "publish", round_=3, rules=rules)).code == "Stale"
    assert dict(site.store) == kept


def test_a_parcel_from_a_member_that_is_no_peer_of_this_round_is_refused(site: Site) -> None:
    sites, rules = ("north", *"abcdefg"), Rules(peers_per_round=2)
    peers = peers_of("north", sites, 1, rules)
    stranger = next(name for name in sites[1:] if name not in peers)
    answer(site, ask(site, "publish", rules=rules, sites=sites))
    parcel = Parcel("release", stranger, ("north",), b"")
    question = ask(site, "distill", parcel, rules=rules, sites=sites)
    assert failure(site, question).code == "UnknownSite"
    known = Parcel("release", peers[0], ("north",), b"")
    report = said(site, ask(site, "distill", known, rules=rules, sites=sites)).body.report
    assert isinstance(report, DistillReport)
    assert report.refused == {peers[0]: "BadModel"}


def test_a_release_is_for_the_peers_of_the_round(site: Site) -> None:
    sites, rules = ("north", *"abcdefg"), Rules(peers_per_round=2, rounds=2)
    for round_ in (1, 2):
        question = ask(site, "publish", rules=rules, sites=sites, round_=round_)
        (parcel,) = said(site, question).parcels
        assert parcel.recipients == peers_of("north", sites, round_, rules)


def test_an_instruction_for_another_site_is_refused(site: Site) -> None:
    with pytest.raises(UnknownSite):
        answer(site, ask(site, "publish", name="south"))
    assert dict(site.store) == {}


def test_another_schema_is_refused(site: Site) -> None:
    order = PublishOrder(schema_digest="0" * 64)
    assert failure(site, ask(site, "publish", order=order)).code == "SchemaMismatch"


def test_an_order_of_another_phase_than_its_heading_is_refused(site: Site) -> None:
    with pytest.raises(BadMessage, match="another phase"):
        answer(site, ask(site, "publish", order=RetrainOrder()))


@pytest.mark.parametrize(
    ("allowed", "recipe", "code"),
    [(["paper"], "guarded", "RecipeNotAllowed"), (None, "magic", "BadInput")],
)
def test_a_recipe_the_site_does_not_take_part_in_is_refused(
    federation: Federation,
    settings: Make,
    write: Callable[[str], Path],
    allowed: list[str] | None,
    recipe: str,
    code: str,
) -> None:
    site = opened(federation, settings(recipes=allowed), write(ROWS))
    assert failure(site, ask(site, "publish", rules=Rules(recipe=recipe))).code == code


ACCEPTED = Rules(recipe="guarded", quota=500)


@pytest.mark.parametrize(
    ("changes", "recipes", "code"),
    [
        ({"rounds": 3, "seed": 8, "engine": "exact"}, None, None),
        ({"recipe": "paper"}, None, "RecipeNotAllowed"),
        ({"recipe": "paper"}, ["guarded", "paper"], None),
        ({"review_max": 1000}, None, "RulesNotAccepted"),
        ({"held_out": 0.1, "seed": 8}, ["guarded"], "RulesNotAccepted"),
    ],
)
def test_a_run_differs_from_the_accepted_rules_only_in_what_is_chosen_for_a_run(
    federation: Federation,
    settings: Make,
    write: Callable[[str], Path],
    changes: dict[str, object],
    recipes: list[str] | None,
    code: str | None,
) -> None:
    site = opened(federation, settings(recipes=recipes), write(ROWS))
    site = replace(site, accepted=ACCEPTED)
    rules = ACCEPTED.model_copy(update=changes)
    if code is None:
        assert said(site, ask(site, "publish", rules=rules)).body.failure is None
    else:
        for phase in ("publish", "distill"):  # a run may begin with any question
            assert failure(site, ask(site, phase, rules=rules)).code == code
        assert dict(site.store) == {}


def test_a_run_goes_on_by_the_rules_it_began_with_when_others_are_accepted(
    federation: Federation, settings: Make, write: Callable[[str], Path]
) -> None:
    site = opened(federation, settings(), write(ROWS))
    site = replace(site, accepted=ACCEPTED)
    answer(site, ask(site, "publish", rules=ACCEPTED))
    site = replace(site, accepted=ACCEPTED.model_copy(update={"quota": 100, "recipe": "paper"}))
    assert said(site, ask(site, "distill", rules=ACCEPTED)).body.failure is None


def test_bytes_that_are_no_instruction_are_refused(site: Site) -> None:
    with pytest.raises(BadMessage):
        answer(site, b"nonsense")


class Broken:
    """A learner that raises with a patient's value in its message."""

    algorithm = "broken"

    def fit(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002
        raise ValueError(f"could not convert {PLANTED}")


def test_what_a_learner_raises_stays_in_the_house_without_values(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    broken = replace(site, learners=(Broken(),))  # type: ignore[arg-type]
    with caplog.at_level(logging.DEBUG):
        reply = answer(broken, ask(site, "publish"))
    assert PLANTED.encode() not in reply
    assert PLANTED not in caplog.text
    assert "ValueError" in caplog.text
    assert failure(broken, ask(site, "publish")).code == "InternalError"
    assert dict(site.store) == {}


class Full(dict[str, bytes]):
    """A store whose disk is full."""

    def update(self, *_: object, **__: object) -> None:
        raise WorkFailed("cannot write\nthe store", where="state", remedy="make room")


def test_the_sites_own_log_says_in_one_line_what_to_do_and_the_coordinator_hears_a_name(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    told = failure(replace(site, store=Full()), ask(site, "publish"))
    assert (told.code, told.reason) == ("WorkFailed", "the work failed")
    (line,) = [each for each in caplog.messages if "WorkFailed" in each]
    assert line.endswith("WorkFailed: cannot write the store where: state remedy: make room")


def test_after_a_failure_the_question_may_be_asked_again(site: Site) -> None:
    broken = replace(site, learners=(Broken(),))  # type: ignore[arg-type]
    assert failure(broken, ask(site, "publish")).code == "InternalError"
    report = said(site, ask(site, "publish")).body.report
    assert isinstance(report, PublishReport)


class FullDisk(MutableMapping[str, bytes]):
    """A store that cannot be written."""

    def __init__(self, kept: Mapping[str, bytes]) -> None:
        self.kept = dict(kept)

    def __getitem__(self, key: str) -> bytes:
        return self.kept[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def __setitem__(self, key: str, value: bytes) -> None:
        raise OSError(28, "No space left on device")

    def __delitem__(self, key: str) -> None:
        raise OSError(28, "No space left on device")


def test_what_cannot_be_kept_is_not_said(site: Site) -> None:
    full = replace(site, store=FullDisk({}))
    assert failure(full, ask(site, "publish")).code == "InternalError"


@pytest.mark.parametrize(
    "parcel",
    [
        Parcel("release", "north", ("north",), b""),
        Parcel("candidate", "south", ("north",), b""),
    ],
)
def test_a_parcel_that_no_peer_can_have_sent_is_refused(site: Site, parcel: Parcel) -> None:
    answer(site, ask(site, "publish"))
    assert failure(site, ask(site, "distill", parcel)).code == "UnknownSite"


@pytest.mark.parametrize(
    ("parcel", "code"),
    [
        (Parcel("release", "mallory", ("north",), b""), "UnknownSite"),
        (Parcel("release", "south", ("south",), b""), "BadEnvelope"),
    ],
)
def test_a_parcel_that_does_not_open_costs_its_sender_only(
    site: Site, parcel: Parcel, code: str
) -> None:
    answer(site, ask(site, "publish"))
    report = said(site, ask(site, "distill", parcel)).body.report
    assert isinstance(report, DistillReport)
    assert report.refused == {parcel.sender: code}
    assert report.taught == {}


def test_two_parcels_from_one_peer_are_refused(site: Site) -> None:
    answer(site, ask(site, "publish"))
    parcel = Parcel("release", "south", ("north",), b"")
    assert failure(site, ask(site, "distill", parcel, parcel)).code == "UnknownSite"


def test_virtual_rows_that_do_not_fit_are_refused_and_counted(site: Site) -> None:
    answer(site, ask(site, "publish"))
    answer(site, ask(site, "distill"))
    parcel = Parcel("instances", "south", ("north",), b"no rows")
    report = said(site, ask(site, "retrain", parcel)).body.report
    assert report == RetrainReport(
        received=0, refused={"south": {"BadInstances": "0-9"}}, candidate=False
    )
