"""How the coordinator asks over a grid: sites work side by side, and one that is lost is let go."""

from collections.abc import Iterable

from flwr.app import Message

from grandrounds.in_process import InProcessGrid
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import DistillOrder, Heading, InstructionBody
from grandrounds_protocol.schema import Rules
from grandrounds_server.app import GridPost
from grandrounds_server.asking import FEW, Asking, Patience
from grandrounds_server.rounds import Questions
from tests import keys
from tests.server.test_memory import heavy_app

SITES = tuple(f"site-{number}" for number in range(3 * FEW))


def instruction(site: str) -> Instruction:
    heading = Heading(run="r", round=1, phase="distill", site=site)
    body = InstructionBody(
        heading=heading, sites=SITES, rules=Rules(peers_per_round=2), order=DistillOrder()
    )
    return Instruction(body)


QUESTIONS = Questions(SITES, instruction)


def asking(grid: InProcessGrid, seconds: float = 5.0) -> Asking:
    return Asking(GridPost(grid, lambda: grid.nodes), keys.OFFICE, Patience(seconds))


class Slow(InProcessGrid):
    """Has no reply before every site has its question, as sites that work for long."""

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        names = list(message_ids)
        assert 0 < len(names) <= FEW
        return super().pull_messages(names) if len(self._replies) == len(SITES) or self.full else []

    full = False

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        names = list(super().push_messages(messages))
        self.full = len(self._replies) == len(SITES)
        return names


def test_no_site_waits_for_another_and_a_few_replies_are_taken_at_a_time() -> None:
    grid = Slow(heavy_app(), SITES)
    answers = dict(asking(grid)(QUESTIONS))
    assert set(answers) == set(SITES)


def test_a_reply_that_is_there_is_taken_before_the_next_question_is_built() -> None:
    grid = InProcessGrid(heavy_app(), SITES)
    built: list[str] = []

    def building(site: str) -> Instruction:
        built.append(site)
        return instruction(site)

    for number, (site, _) in enumerate(asking(grid)(Questions(SITES, building)), start=1):
        assert (built[-1], len(built)) == (site, number)


class Lossy(InProcessGrid):
    """Does not take the first question, and never answers the second."""

    pushed = 0

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.pushed += 1
        if self.pushed == 1:
            return []
        names = list(super().push_messages(messages))
        if self.pushed == 2:
            self._replies.clear()
        return names


def test_a_question_that_cannot_be_sent_or_is_not_answered_costs_that_site_only() -> None:
    grid = Lossy(heavy_app(), SITES)
    answers = dict(asking(grid, 0.1)(QUESTIONS))
    assert set(answers) == set(SITES[2:])
