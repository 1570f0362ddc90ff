"""The loop: five phases a round, as many rounds as the rules say.

Students that put a peer in quarantine retrain once more in the same round, and are reviewed
again; where there is none, nothing more is asked.

The sites, the clock and whoever watches are passed in, so that the same loop runs over
Flower, in one process, or in a test.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from grandrounds_protocol.messages import Instruction
from grandrounds_protocol.records import PHASES, SECOND_ATTEMPT, Phase
from grandrounds_server.spool import OpenSpool, Spool, on_disk
from grandrounds_server.state import Plan, Record, RunState, begin
from grandrounds_server.steps import NO_ANSWER, Answer, Receipt, absorb, asked, question, receive

Ask = Callable[[Iterable[tuple[str, Instruction]]], Iterable[tuple[str, Answer]]]
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


def run(
    plan: Plan,
    ask: Ask,
    *,
    clock: Callable[[], float],
    watch: Watch,
    open_spool: OpenSpool = on_disk,
) -> Finished:
    """Run all rounds of a plan.

    Of a round's payloads only those of the message at hand are in memory; the others lie
    in a spool that is closed with the round.

    A missing or failing site costs its own contribution. Below `min_sites` contributing
    sites the round stops, and the run with it.
    """
    state = begin(plan)
    seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
    while True:
        with open_spool() as spool:
            state, stopped = _round(state, ask, spool, clock, watch, seconds)
        if stopped or state.record.number == plan.rules.rounds:
            return Finished(plan, (*state.history, state.record), seconds, stopped)
        state = state.next_round()


def _round(
    state: RunState,
    ask: Ask,
    spool: Spool,
    clock: Callable[[], float],
    watch: Watch,
    seconds: dict[Phase, float],
) -> tuple[RunState, str]:
    state, stopped = _attempt(state, PHASES, ask, spool, clock, watch, seconds)
    if stopped or not state.again:
        return state, stopped
    second = state.second_attempt()
    return _attempt(second, SECOND_ATTEMPT, ask, spool, clock, watch, seconds)


def _attempt(
    state: RunState,
    phases: tuple[Phase, ...],
    ask: Ask,
    spool: Spool,
    clock: Callable[[], float],
    watch: Watch,
    seconds: dict[Phase, float],
) -> tuple[RunState, str]:
    for phase in phases:
        watch(state.record.number, state.record.attempt, phase)
        started = clock()
        state = _phase(state, phase, ask, spool)
        seconds[phase] += clock() - started
        stopped = _too_few(state, phase)
        if stopped:
            return state, stopped
    return state, ""


def _phase(state: RunState, phase: Phase, ask: Ask, spool: Spool) -> RunState:
    sites = asked(state, phase)
    receipts = dict.fromkeys(sites, Receipt(NO_ANSWER))
    for site, answer in ask((site, question(state, phase, site, spool.take)) for site in sites):
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
