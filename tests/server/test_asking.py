"""How the coordinator asks over a grid: sites work side by side, and one that is lost is let go."""

from collections.abc import Iterable, Iterator

from flwr.app import Message

from grandrounds.in_process import InProcessGrid
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import DistillOrder, Heading, InstructionBody
from grandrounds_protocol.schema import Rules
from grandrounds_server.app import FEW, ask_over
from tests import keys
from tests.server.test_memory import heavy_app

SITES = tuple(f"site-{number}" for number in range(3 * FEW))


def questions(pushed: list[str] | None = None) -> Iterator[tuple[str, Instruction]]:
    for site in SITES:
        heading = Heading(run="r", round=1, phase="distill", site=site)
        body = InstructionBody(
            heading=heading, sites=SITES, rules=Rules(peers_per_round=2), order=DistillOrder()
        )
        if pushed is not None:
            pushed.append(site)
        yield site, Instruction(body)


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
    answers = dict(ask_over(grid, grid.nodes, keys.OFFICE, 5.0)(questions()))
    assert set(answers) == set(SITES)


def test_a_reply_that_is_there_is_taken_before_the_next_question_is_built() -> None:
    grid = InProcessGrid(heavy_app(), SITES)
    built: list[str] = []
    for number, (site, _) in enumerate(
        ask_over(grid, grid.nodes, keys.OFFICE, 5.0)(questions(built)), start=1
    ):
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
    answers = dict(ask_over(grid, grid.nodes, keys.OFFICE, 0.1)(questions()))
    assert set(answers) == set(SITES[2:])
