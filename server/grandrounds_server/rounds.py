"""The loop: five phases a round, as many rounds as the rules say.

Students that put a peer in quarantine retrain once more in the same round, and are reviewed
again; where there is none, nothing more is asked.

The sites, the clock and whoever watches are passed in, so that the same loop runs over
Flower, in one process, or in a test.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import PHASES, SECOND_ATTEMPT, Phase
from grandrounds_server.spool import OpenSpool, Spool, on_disk
from grandrounds_server.state import Plan, Record, RunState, begin
from grandrounds_server.steps import NO_ANSWER, Answer, Receipt, absorb, asked, question, receive


@dataclass(frozen=True)
class Questions:
    """A phase's instructions, each built when it is asked for, and as often: always the same.

    Attributes
    ----------
    sites : tuple of str
        Who is asked, in order.
    build : callable
        From a site's name to its instruction.
    """

    sites: tuple[str, ...]
    build: Callable[[str], Instruction]

    def __iter__(self) -> Iterator[tuple[str, Instruction]]:
        """Each site with its instruction."""
        return ((site, self.build(site)) for site in self.sites)


Ask = Callable[[Questions], Iterable[tuple[str, Answer]]]
"""Puts a phase's instructions to the sites, each as it is built, and gives their answers as
they arrive, in any order; a site without an answer may be left out."""
Watch = Callable[[int, int, Phase], None]
"""Called before each phase with the round's number and the attempt, 1 or 2."""


@dataclass(frozen=True)
class Finished:
    """A run that came to its end, or was stopped."""

    plan: Plan
    rounds: tuple[Record, ...]
    """One record a round, and after it one more where there was a second attempt."""
    seconds: dict[Phase, float] = field(default_factory=dict)
    stopped: str = ""
    """Why the run stopped early; empty where it did not."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come: what a later process needs to go on.

    Attributes
    ----------
    state : RunState
    phase : Phase or None
        The last that is finished in the attempt at hand; None before its first.
    seconds : dict of Phase to float
    """

    state: RunState
    phase: Phase | None = None
    seconds: dict[Phase, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    def finished(self, stopped: str = "") -> Finished:
        """Return what the run came to so far."""
        rounds = (*self.state.history, self.state.record)
        return Finished(self.state.plan, rounds, dict(self.seconds), stopped)


Keep = Callable[[Progress], None]
"""Called after each phase; whatever was kept when it returns need not be done again."""


def keep_nothing(progress: Progress) -> None:
    """Keep nothing: the run ends with its process."""


def run(
    begun: Plan | Progress,
    ask: Ask,
    *,
    clock: Callable[[], float],
    watch: Watch,
    open_spool: OpenSpool = on_disk,
    keep: Keep = keep_nothing,
) -> Finished:
    """Run all rounds of a plan, or those that are left of a run that was kept.

    Of a round's payloads only those of the message at hand are in memory; the others lie
    in a spool that is closed with the round.

    A missing or failing site costs its own contribution. Below `min_sites` contributing
    sites the round stops, and the run with it. That phase is not kept: a run that goes on
    later asks it anew.
    """
    progress = begun if isinstance(begun, Progress) else Progress(begin(begun))
    rounds = progress.state.plan.rules.rounds
    while True:
        with open_spool() as spool:
            progress, stopped = _round(progress, ask, spool, clock, watch, keep)
        if stopped or progress.state.record.number == rounds:
            return progress.finished(stopped)
        progress = replace(progress, state=progress.state.next_round(), phase=None)


def _round(
    progress: Progress,
    ask: Ask,
    spool: Spool,
    clock: Callable[[], float],
    watch: Watch,
    keep: Keep,
) -> tuple[Progress, str]:
    """Go through what is left of a round; return why it stopped, if it did."""
    while (following := _following(progress)) is not None:
        state, phase = following
        watch(state.record.number, state.record.attempt, phase)
        started = clock()
        state = _phase(state, phase, ask, spool)
        taken = progress.seconds[phase] + clock() - started
        progress = Progress(state, phase, {**progress.seconds, phase: taken})
        stopped = _too_few(state, phase)
        if stopped:
            return progress, stopped
        keep(progress)
    return progress, ""


def _following(progress: Progress) -> tuple[RunState, Phase] | None:
    """Return the next phase of this round, and the state it begins with; None at its end."""
    state = progress.state
    phases = PHASES if state.record.attempt == 1 else SECOND_ATTEMPT
    at = 0 if progress.phase is None else phases.index(progress.phase) + 1
    if at < len(phases):
        return state, phases[at]
    if state.record.attempt == 1 and state.again:
        return state.second_attempt(), SECOND_ATTEMPT[0]
    return None


def _phase(state: RunState, phase: Phase, ask: Ask, spool: Spool) -> RunState:
    sites = asked(state, phase)
    receipts = dict.fromkeys(sites, Receipt(NO_ANSWER))
    questions = Questions(sites, lambda site: question(state, phase, site, spool.take))
    for site, answer in ask(questions):
        receipts[site] = receive(state, phase, site, answer, spool.put)
    return absorb(state, phase, receipts)


def _too_few(state: RunState, phase: Phase) -> str:
    answered = {"publish": len(state.record.cards), "distill": len(state.record.distilled)}
    least = state.plan.rules.min_sites
    if answered.get(phase, least) >= least:
        return ""
    return (
        f"round {state.record.number} stopped at {phase}: "
        f"{answered[phase]} of at least {least} sites answered"
    )
