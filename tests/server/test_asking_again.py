"""A site that lost a question is asked again, in the same words, until the phase's time is over."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from flwr.app import Error, Message

from grandrounds.in_process import InProcessGrid
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import REFUSED, DistillOrder, Heading, InstructionBody, Phase
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.signed import Signed
from grandrounds_server import app as server_app
from grandrounds_server.app import GridPost, GuardedPost, Hellos
from grandrounds_server.asking import (
    AWAY,
    POLL,
    REMEMBERED,
    SELDOM,
    SHARE,
    Arrived,
    Asking,
    Patience,
)
from grandrounds_server.rounds import Questions
from grandrounds_server.steps import Answer
from tests import keys
from tests.server.test_memory import heavy, heavy_app

SITES = ("a", "b", "c")
PATIENCE = Patience(phase=100.0, again=1.0, longest=8.0, silence=30.0)
Script = Callable[[int], str]
"""From how often a site was asked to what comes of it."""


def answering(_: int) -> str:
    return "answer"


def instruction(site: str, round_: int = 1, phase: Phase = "distill") -> Instruction:
    heading = Heading(run="r", round=round_, phase=phase, site=site)
    body = InstructionBody(
        heading=heading, sites=SITES, rules=Rules(peers_per_round=2), order=DistillOrder()
    )
    return Instruction(body)


def questions(round_: int = 1) -> Questions:
    return Questions(SITES, lambda site: instruction(site, round_))


def reply_to(data: bytes, site: str) -> bytes:
    answered = heavy(Instruction.from_bytes(bytes(Signed.from_bytes(data).body)))
    return keys.answered(answered, data) if answered.heading.site == site else b""


@dataclass
class Fake:
    """A carrier that does to each question what a script says, and a clock that only it moves."""

    script: dict[str, Script] = field(default_factory=dict)
    now: float = 0.0
    sent: dict[str, list[tuple[float, bytes]]] = field(default_factory=lambda: defaultdict(list))
    ready: dict[str, list[tuple[float, Arrived]]] = field(default_factory=dict)
    where: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SITES, 7))

    def nodes(self) -> Mapping[str, int]:
        return self.where

    def send(self, node: int, heading: Heading, data: bytes) -> str:  # noqa: ARG002
        site = heading.site
        self.sent[site].append((self.now, data))
        name = f"{site}{len(self.sent[site])}"
        word = self.script.get(site, answering)(len(self.sent[site]))
        what, _, wait = word.partition(" after ")
        when = self.now + float(wait or 0)
        match what:
            case "unsent":
                return ""
            case "lost":
                self.ready[name] = [(when, Arrived(name, None))]
            case "refused":
                self.ready[name] = [(when, Arrived(name, None, final=True))]
            case "forged":
                self.ready[name] = [(when, Arrived(name, data))]
            case "answer":
                self.ready[name] = [(when, Arrived(name, reply_to(data, site)))]
        return name

    def collect(self, asked: Sequence[str]) -> Iterator[Arrived]:
        for name in asked:
            for when, arrived in self.ready.get(name, []):
                if when <= self.now:
                    del self.ready[name]
                    yield arrived

    def pause(self, seconds: float) -> None:
        self.now += seconds


def asking(fake: Fake, noted: list[tuple[str, str, str]] | None = None) -> Asking:
    def note(heading: Heading, what: str, code: str) -> None:
        if noted is not None:
            noted.append((heading.site, what, code))

    return Asking(fake, keys.OFFICE, PATIENCE, note=note, clock=lambda: fake.now, pause=fake.pause)


def failures(answers: Mapping[str, Answer]) -> dict[str, str]:
    return {site: getattr(answer, "code", "") for site, answer in answers.items()}


def bodies(fake: Fake, site: str) -> set[bytes]:
    return {bytes(Signed.from_bytes(data).body) for _, data in fake.sent[site]}


@pytest.mark.parametrize("word", ["lost", "unsent", "forged"])
def test_a_lost_question_is_put_again_in_the_same_words(word: str) -> None:
    fake = Fake({"b": lambda times: word if times < 4 else "answer"})
    answers = dict(asking(fake)(questions()))
    assert failures(answers) == {"a": "", "b": "", "c": ""}
    assert len(fake.sent["b"]) == 4
    assert len(bodies(fake, "b")) == 1
    assert [len(fake.sent[site]) for site in "ac"] == [1, 1]
    waited = [
        later - earlier
        for (earlier, _), (later, _) in zip(fake.sent["b"], fake.sent["b"][1:], strict=False)
    ]
    assert waited == [pytest.approx(pause, abs=0.6) for pause in (1, 2, 4)]


def test_until_the_phases_time_is_over_and_then_the_last_failure_stands() -> None:
    fake = Fake({"b": lambda _: "forged", "c": lambda _: "never"})
    answers = dict(asking(fake)(questions()))
    assert failures(answers) == {"a": "", "b": "BadSignature"}
    assert PATIENCE.phase < fake.now < PATIENCE.phase + SELDOM
    assert 10 < len(fake.sent["b"]) < 20


def test_a_site_that_refuses_is_not_asked_again() -> None:
    fake = Fake({"b": lambda _: "refused"})
    answers = dict(asking(fake)(questions()))
    assert failures(answers)["b"] == "SiteError"
    assert (len(fake.sent["b"]), fake.now) == (1, 0.0)


def test_a_silent_site_is_asked_again_and_its_first_answer_still_counts() -> None:
    fake = Fake({"b": lambda times: "answer after 40" if times == 1 else "never"})
    noted: list[tuple[str, str, str]] = []
    answers = dict(asking(fake, noted)(questions()))
    assert failures(answers)["b"] == ""
    assert [round(when) for when, _ in fake.sent["b"]] == [0, 30]
    assert noted.count(("b", "answered", "")) == 1
    assert 40 <= fake.now < 40 + SELDOM


@pytest.mark.parametrize(("seconds", "looks"), [(3, 20), (60, 80)])
def test_the_longer_a_site_needs_the_less_often_it_is_looked_for(seconds: int, looks: int) -> None:
    fake = Fake({"b": lambda _: f"answer after {seconds}"})
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        fake.pause(seconds)

    patience = Patience(100.0)
    ask = Asking(fake, keys.OFFICE, patience, clock=lambda: fake.now, pause=pause)
    assert len(dict(ask(questions()))) == 3
    assert fake.now - seconds <= max(POLL, SHARE * seconds)
    assert len(pauses) < looks
    assert max(pauses) <= SELDOM


def test_of_two_answers_the_second_is_dropped_and_counted() -> None:
    fake = Fake({"b": lambda times: "answer after 35" if times == 1 else "answer after 5"})
    noted: list[tuple[str, str, str]] = []
    ask = asking(fake, noted)
    assert len(list(ask(questions()))) == 3
    fake.script = {}
    fake.now += 10
    assert len(list(ask(questions(2)))) == 3
    assert noted.count(("b", "dropped", "")) == 1


def test_an_answer_to_an_earlier_phase_is_dropped_and_counted() -> None:
    fake = Fake({"b": lambda times: "answer after 150" if times == 1 else "never"})
    noted: list[tuple[str, str, str]] = []
    ask = asking(fake, noted)
    assert set(dict(ask(questions()))) == {"a", "c"}
    fake.now, fake.script = 200.0, {}
    answers = [answer for _, answer in ask(questions(2)) if isinstance(answer, Reply)]
    assert [answer.heading.round for answer in answers] == [2, 2, 2]
    assert noted.count(("b", "dropped", "")) == 1


def test_what_is_remembered_of_earlier_phases_has_a_bound() -> None:
    fake = Fake({"b": lambda _: "never"})
    ask = asking(fake)
    for number in range(40):
        list(ask(questions(number + 1)))
    assert len(fake.sent["b"]) > REMEMBERED
    list(ask(Questions((), instruction)))
    assert len(ask._questions) <= REMEMBERED


def test_a_node_that_comes_back_as_another_is_found() -> None:
    fake = Fake({"b": lambda _: "answer"})
    del fake.where["b"]
    pause = fake.pause

    def coming(seconds: float) -> None:
        pause(seconds)
        if fake.now > 5:
            fake.where["b"] = 9

    fake.pause = coming  # type: ignore[method-assign]
    answers = dict(asking(fake)(questions()))
    assert set(answers) == set(SITES)
    assert 5 < fake.now < 15


def test_a_site_that_was_away_is_asked_soon_after_it_came_and_had_lost_nothing() -> None:
    fake = Fake({"b": lambda times: "lost" if times < 3 else "answer"})
    del fake.where["b"]
    pause, built = fake.pause, Counter[str]()

    def building(site: str) -> Instruction:
        built[site] += 1
        return instruction(site)

    def coming(seconds: float) -> None:
        pause(seconds)
        if fake.now > 50:
            fake.where["b"] = 9

    fake.pause = coming  # type: ignore[method-assign]
    answers = dict(asking(fake)(Questions(SITES, building)))
    assert failures(answers)["b"] == ""
    first, second, third = (when for when, _ in fake.sent["b"])
    assert 50 < first < 50 + AWAY + 1
    # after a second and after two, but for the looks: one to see that it was lost, one to ask
    assert 1 <= second - first <= 1 + 2 * SELDOM
    assert 2 <= third - second <= 2 + 2 * SELDOM
    assert built["b"] == 1 + 3  # at the beginning, and when it was there


def away(fake: Fake, seconds: float) -> Asking:
    patience = replace(PATIENCE, away=seconds)
    return Asking(fake, keys.OFFICE, patience, clock=lambda: fake.now, pause=fake.pause)


def test_a_site_that_stays_away_costs_a_phase_less_than_its_time() -> None:
    fake = Fake({"c": lambda _: "answer after 10"})
    del fake.where["b"]
    assert set(dict(away(fake, 20.0)(questions()))) == {"a", "c"}
    assert 20 <= fake.now < 20 + AWAY + SELDOM


def test_one_that_goes_away_with_its_question_likewise_and_its_failure_is_told() -> None:
    fake = Fake({"b": lambda _: "lost after 10"})
    pause = fake.pause

    def going(seconds: float) -> None:
        pause(seconds)
        if fake.now > 8:
            fake.where.pop("b", None)

    fake.pause = going  # type: ignore[method-assign]
    assert failures(dict(away(fake, 20.0)(questions())))["b"] == "SiteError"
    assert 30 < fake.now < 30 + 2 * AWAY + SELDOM


def test_one_that_is_slow_but_there_has_all_of_the_phases_time() -> None:
    fake = Fake({"b": lambda _: "answer after 90"})
    assert set(dict(away(fake, 20.0)(questions()))) == set(SITES)


def test_one_that_comes_back_in_time_is_not_held_to_have_been_away() -> None:
    fake = Fake({"b": lambda times: "lost after 5" if times < 5 else "answer"})
    pause = fake.pause

    def coming_and_going(seconds: float) -> None:
        pause(seconds)
        if int(fake.now / 15) % 2:
            fake.where["b"] = 9
        else:
            fake.where.pop("b", None)

    fake.where.pop("b")
    fake.pause = coming_and_going  # type: ignore[method-assign]
    assert failures(dict(away(fake, 20.0)(questions())))["b"] == ""
    assert fake.now > 45


def test_while_nobody_is_there_it_is_the_coordinators_own_line_that_is_down() -> None:
    fake = Fake()
    fake.where.clear()
    pause = fake.pause

    def mended(seconds: float) -> None:
        pause(seconds)
        if fake.now > 60:
            fake.where.update(dict.fromkeys(SITES, 9))

    fake.pause = mended  # type: ignore[method-assign]
    assert set(dict(away(fake, 20.0)(questions()))) == set(SITES)


class Grid(InProcessGrid):
    """A grid that can be told to misbehave."""

    def __init__(self) -> None:
        super().__init__(heavy_app(), SITES)
        self.calls = Counter[str]()
        self.blocked = threading.Event()
        self.blocks: set[str] = set()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.calls["push"] += 1
        if self.calls["push"] == 2:
            raise ConnectionError("74.813")
        names = list(super().push_messages(messages))
        if self.calls["push"] == 1:
            self.blocks |= set(names)
        return names

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        names = list(message_ids)
        self.calls["pull"] += 1
        if self.calls["pull"] == 3:
            raise ConnectionError("74.813")
        if self.blocks & set(names):
            self.blocked.wait(20)
        return super().pull_messages(names)


def test_a_blocked_or_broken_fetch_stalls_nobody_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_app, "GUARD", 0.05)
    grid, arrived = Grid(), []
    post = GuardedPost(grid, lambda: grid.nodes)
    ask = Asking(post, keys.OFFICE, Patience(phase=10.0, again=0.01))
    begun = time.monotonic()
    for site, _ in ask(questions()):
        arrived.append(site)
        if set(arrived) == {"b", "c"}:
            grid.blocked.set()
    assert sorted(arrived) == ["a", "b", "c"]
    assert arrived[-1] == "a"
    assert time.monotonic() - begun < 5
    assert "could not be asked: ConnectionError" in caplog.text
    assert "could not be fetched: ConnectionError" in caplog.text
    assert "74.813" not in caplog.text


def test_a_reply_that_came_after_its_question_was_forgotten_does_not_stay_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_app, "GUARD", 0.05)
    grid = InProcessGrid(heavy_app(), SITES)
    (question,) = grid.push_messages([server_app._message(grid, grid.nodes["a"], "x", "0", b"")])
    pull, come = grid.pull_messages, threading.Event()
    monkeypatch.setattr(grid, "pull_messages", lambda names: come.wait(20) and pull(names))
    fetch = server_app.Guarded(grid)
    assert not list(fetch([question]))
    come.set()
    fetch._fetching[question].join()
    assert not list(fetch([]))  # whoever asked may still look for it
    assert question in fetch._fetching
    monkeypatch.setattr(server_app, "UNWANTED", 0.0)
    assert not list(fetch([]))
    assert not fetch._fetching


def test_without_a_guard_a_broken_grid_ends_the_run() -> None:
    grid = Grid()
    grid.blocked.set()
    with pytest.raises(ConnectionError):
        list(Asking(GridPost(grid, lambda: grid.nodes), keys.OFFICE, Patience())(questions()))


class Named(InProcessGrid):
    """Nodes whose sites sign their names, some of which are away."""

    def __init__(self, claims: dict[int, str]) -> None:
        super().__init__(heavy_app(), ())
        self.claims = claims
        self.asked: list[int] = []

    def get_node_ids(self) -> Iterable[int]:
        return list(self.claims)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        names = []
        for message in messages:
            node = message.metadata.dst_node_id
            self.asked.append(node)
            names.append(f"q{len(self.asked)}")
            self._replies[names[-1]] = self._hello(message, self.claims[node])
        return names

    def _hello(self, message: Message, name: str) -> Message:
        message.metadata.__dict__["_message_id"] = f"q{len(self.asked)}"
        if not name:
            return Message(Error(REFUSED, "no"), reply_to=message)
        from grandrounds_client.app import read_bytes, write_bytes
        from grandrounds_client.sealing import sign_hello
        from grandrounds_server.office import digest_of

        signed = sign_hello(keys.identity(name), digest_of(read_bytes(message)))
        return Message(write_bytes(signed), reply_to=message)


def test_nodes_are_known_by_what_their_sites_sign_and_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = Named({2: "north", 3: "south", 4: ""})
    hellos = Hellos(grid, keys.OFFICE)
    assert hellos.look() == {"north": 2, "south": 3}
    assert hellos.look() == {"north": 2, "south": 3}
    assert grid.asked == [2, 3, 4]
    grid.claims = {3: "south", 4: "west", 9: "north"}
    monkeypatch.setattr(server_app, "HELLO_AGAIN", 0.0)
    assert hellos.look() == {"south": 3, "north": 9}
    hellos._last[4] = 0.0
    assert hellos.look() == {"south": 3, "north": 9, "west": 4}
    grid.claims[5] = "north"
    assert hellos.look() == {"south": 3, "west": 4}
