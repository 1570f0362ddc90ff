"""Asking the sites of a phase until they have answered or its time is over.

What carries the messages is passed in, and so is time. A site that lost a question is asked
again in the very same words: it answers each question once, and gives a repeat the reply that
it kept.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import Failure, Heading, Phase
from grandrounds_server.office import Office, digest_of
from grandrounds_server.rounds import Questions
from grandrounds_server.steps import NO_ANSWER, Answer

POLL, SELDOM = 0.25, 2.0
"""Least and most seconds between two looks for replies."""
SHARE = 0.05
"""Of the time that a phase has waited: who needs minutes is not asked for four times a second."""
FEW = 8
"""Replies taken at a time: no more than these are in memory at once."""
REMEMBERED = 100
"""Unanswered questions of earlier phases that are still listened for: their replies are dropped,
and counted, and do not lie with the carrier for ever."""
AWAY = 4.0
"""Most seconds between two looks for a site that is not there: nothing is sent to find out."""
_DOUBLINGS = 30
NOT_CONNECTED = "NotConnected"
"""What is noted of a site that was never there to be asked."""
UNASKED = Failure(code="SiteError", reason="the site could not be asked")

Meter = Callable[[Phase, int, int], None]
"""Hears the phase and the bytes, out and in, of every message."""
What = Literal["asked", "answered", "failed", "dropped"]
Note = Callable[[Heading, What, str], None]
"""Hears what becomes of each question; for one that failed, the failure's code."""


def unmetered(phase: Phase, sent: int, received: int) -> None:
    """Count nothing."""


def unnoted(heading: Heading, what: What, code: str) -> None:
    """Note nothing."""


@dataclass(frozen=True)
class Patience:
    """How long a phase waits, and when a site is asked again; in seconds.

    Attributes
    ----------
    phase : float
        For answers, from the phase's last site on.
    again : float
        After a question that was lost, before the site is asked again; doubled each time.
        Infinite: nobody is asked twice, and a lost question is a failure at once.
    longest : float
        Doubled until here.
    silence : float
        Without any word from a site, before it is asked again; doubled each time, too.
    away : float
        For a site that is not connected while others are. With nobody there, the coordinator's
        own line is down, and says nothing of the sites.
    """

    phase: float = 3600.0
    again: float = math.inf
    longest: float = 60.0
    silence: float = math.inf
    away: float = math.inf

    @property
    def once(self) -> bool:
        """Whether each site is asked once only."""
        return math.isinf(self.again)


ASKING_AGAIN = Patience(again=1.0, silence=300.0)


@dataclass(frozen=True)
class Arrived:
    """What came back for a question.

    Attributes
    ----------
    question : str
    data : bytes or None
        The site's reply; None where there is word that none will come.
    final : bool
        Whether that word is the site's own, so that asking again would not help.
    """

    question: str
    data: bytes | None
    final: bool = False


class Post(Protocol):
    """Carries messages to sites and back."""

    def nodes(self) -> Mapping[str, int]:
        """Return where each site is to be reached now."""
        ...

    def send(self, node: int, heading: Heading, data: bytes) -> str:
        """Send a question; return its number, or nothing where it is not taken."""
        ...

    def collect(self, questions: Sequence[str]) -> Iterable[Arrived]:
        """Return what has arrived of these."""
        ...


@dataclass
class _Asked:
    """A site that has not answered yet in this phase."""

    heading: Heading
    digest: str
    due: float = math.inf
    """When to ask it again."""
    times: int = 0
    """How often it was asked."""
    missed: int = 0
    """How often it was not there to be asked."""
    gone: float = math.inf
    """Since when it has not been there, while others were."""
    failure: Failure | None = None
    """What the last reply was worth."""


class Asking:
    """Puts a phase's questions, one by one, and gives what comes back.

    Instructions leave signed; a reply that its site did not sign for this very question is
    refused, and costs that site's contribution unless there is time to ask again.

    Replies are taken while others are still to be asked, a few at a time, so that neither
    all questions nor all answers are ever in memory together.

    Parameters
    ----------
    post : Post
    office : Office
    patience : Patience
    meter : Meter
    note : Note
    clock : callable
        Seconds, of no particular start.
    pause : callable
        Waits for so many seconds.
    """

    def __init__(
        self,
        post: Post,
        office: Office,
        patience: Patience,
        *,
        meter: Meter = unmetered,
        note: Note = unnoted,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._post = post
        self._office = office
        self._patience = patience
        self._meter = meter
        self._note = note
        self._clock = clock
        self._pause = pause
        self._open: dict[str, _Asked] = {}
        self._questions: dict[str, _Asked] = {}
        self._waiting: deque[str] = deque()

    def __call__(self, questions: Questions) -> Iterator[tuple[str, Answer]]:
        """Ask all sites of a phase; a site that never answered is left out."""
        self._begin()
        nodes = self._post.nodes()
        for site, instruction in questions:
            self._ask(site, instruction, nodes)
            if self._waiting:
                yield from self._look()
        since = self._clock()
        deadline = since + self._patience.phase
        while self._waits():
            before = len(self._open)
            for _ in range(0, len(self._waiting), FEW):
                yield from self._look()
            if self._open and self._clock() > deadline:
                break
            self._ask_again(questions)
            if len(self._open) == before:
                self._pause(min(max(POLL, SHARE * (self._clock() - since)), SELDOM))
        yield from self._give_up()

    def _give_up(self) -> Iterator[tuple[str, Answer]]:
        """Say who is left out, and of those that failed, how."""
        for site, asked in self._open.items():
            if asked.failure is not None:
                yield site, asked.failure
            else:
                code = NO_ANSWER.code if asked.times else NOT_CONNECTED
                self._note(asked.heading, "failed", code)

    def _waits(self) -> bool:
        """Whether anybody may still answer who was not away for too long."""
        now = self._clock()
        return any(now - asked.gone < self._patience.away for asked in self._open.values())

    def _begin(self) -> None:
        """Forget the last phase, but for a few questions that may still be answered."""
        self._open.clear()
        unanswered = list(self._waiting)
        for question in unanswered[:-REMEMBERED]:
            del self._questions[question]
        self._waiting = deque(unanswered[-REMEMBERED:])

    def _ask(self, site: str, instruction: Instruction, nodes: Mapping[str, int]) -> None:
        heading, body = instruction.heading, instruction.to_bytes()
        asked = self._open.setdefault(site, _Asked(heading, digest_of(body)))
        if site not in nodes:
            self._miss(asked, nodes)
            return
        asked.gone = math.inf
        asked.times += 1
        data = self._office.sign(body, site)
        question = self._post.send(nodes[site], heading, data)
        self._meter(heading.phase, len(data) if question else 0, 0)
        if question:
            self._note(heading, "asked", "")
            self._questions[question] = asked
            self._waiting.append(question)
            self._delay(asked, asked.times, self._patience.silence, math.inf)
        elif self._patience.once:
            del self._open[site]
        else:
            self._delay(asked, asked.times, self._patience.again, self._patience.longest)

    def _miss(self, asked: _Asked, nodes: Mapping[str, int]) -> None:
        """Look again soon for a site that is not there: no question was lost."""
        if self._patience.once:
            del self._open[asked.heading.site]
            return
        asked.missed += 1
        asked.gone = min(asked.gone, self._clock()) if nodes else math.inf
        self._delay(asked, asked.missed, self._patience.again, AWAY)

    def _ask_again(self, questions: Questions) -> None:
        due = [site for site, asked in self._open.items() if self._clock() >= asked.due]
        nodes = self._post.nodes() if due else {}
        for site in due:
            if site in nodes:
                self._ask(site, questions.build(site), nodes)
            else:
                self._miss(self._open[site], nodes)

    def _delay(self, asked: _Asked, times: int, first: float, longest: float) -> None:
        doubled = first * 2.0 ** min(times - 1, _DOUBLINGS)
        asked.due = self._clock() + min(doubled, longest)

    def _look(self) -> Iterator[tuple[str, Answer]]:
        """Look once for replies to those who wait longest; who has none goes to the end."""
        some = [self._waiting.popleft() for _ in range(min(FEW, len(self._waiting)))]
        for arrived in self._post.collect(some):
            asked = self._questions.pop(arrived.question)
            self._meter(asked.heading.phase, 0, len(arrived.data or b""))
            yield from self._take(asked, arrived)
        self._waiting.extend(question for question in some if question in self._questions)

    def _take(self, asked: _Asked, arrived: Arrived) -> Iterator[tuple[str, Answer]]:
        heading = asked.heading
        if self._open.get(heading.site) is not asked:
            self._note(heading, "dropped", "")  # of an earlier phase, or the second of two
            return
        answer = self._read(asked, arrived)
        code = _code(answer)
        self._note(heading, "failed" if code else "answered", code)
        if isinstance(answer, Failure) and not (self._patience.once or arrived.final):
            asked.failure = answer
            self._delay(asked, asked.times, self._patience.again, self._patience.longest)
            return
        del self._open[heading.site]
        yield heading.site, answer

    def _read(self, asked: _Asked, arrived: Arrived) -> Answer:
        if arrived.data is None:
            return UNASKED
        if not arrived.data:
            return NO_ANSWER
        try:
            return self._office.read(arrived.data, asked.heading.site, asked.digest)
        except GrandRoundsError as error:
            return Failure(code=error.code, reason=error.public)


def _code(answer: Answer) -> str:
    failure = answer if isinstance(answer, Failure) else answer.body.failure
    return "" if failure is None else failure.code
