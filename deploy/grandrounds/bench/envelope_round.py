"""What sealing, signing and vetting take of a simulation, phase by phase."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

from rich.table import Table

from grandrounds.simulate import prepare, run
from grandrounds.tables import titled
from grandrounds_protocol.records import PHASES, Phase

STEPS: dict[str, tuple[str, ...]] = {
    "sealing": (
        "grandrounds_client.service.open_parcels",
        "grandrounds_client.service.seal_parcels",
        "grandrounds_server.steps.spooled",
    ),
    "signing": (
        "grandrounds_client.service.verified",
        "grandrounds_client.service.sign_reply",
        "grandrounds_client.service.with_signatures",
        "grandrounds_client.service.with_true_scores",
        "grandrounds_server.office.Office.sign",
        "grandrounds_server.office.Office.read",
        "grandrounds_client.ledger.Ledger.write",
    ),
    "vetting": (
        "grandrounds_client.phases.distill.teacher_of",
        "grandrounds_client.phases.review.teacher_of",
        "grandrounds_client.phases.adopt.teacher_of",
        "grandrounds_client.phases.teachers.vet",
    ),
}
"""Where each kind of work is called from. What one calls of another counts once, outside."""


@dataclass(frozen=True)
class Share:
    """Seconds of one phase, and of these steps within it."""

    phase: Phase
    seconds: float
    of: dict[str, float]


class _Watch:
    """Adds up the time of steps by phase; of nested ones only the outermost."""

    def __init__(self) -> None:
        self.phase: Phase = PHASES[0]
        self.spent: dict[tuple[Phase, str], float] = {}
        self._inside = False

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return function(*arguments, **named)
            self._inside, begun = True, perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._inside = False
                key = self.phase, step
                self.spent[key] = self.spent.get(key, 0.0) + perf_counter() - begun

        return call


def measure_round(folder: Path, seed: int = 0) -> list[Share]:
    """Simulate a federation and say what its phases spend on sealing, signing and vetting."""
    watch = _Watch()

    def phase(_round: int, _attempt: int, name: Phase) -> None:
        watch.phase = name

    with _watched(watch):
        finished = run(prepare(folder, seed=seed), phase)
    return [
        Share(name, seconds, {step: watch.spent.get((name, step), 0.0) for step in STEPS})
        for name, seconds in finished.seconds.items()
    ]


@contextmanager
def _watched(watch: _Watch) -> Iterator[None]:
    with ExitStack() as stack:
        for step, places in STEPS.items():
            for place in places:
                patched = patch(place)
                function, _ = patched.get_original()
                stack.enter_context(patch(place, watch.timed(step, function)))
        yield


def table(shares: Sequence[Share]) -> Table:
    """Lay it out, a phase a line and the sum of all."""
    sums = {step: sum(share.of[step] for share in shares) for step in STEPS}
    total = sum(share.seconds for share in shares)
    made = titled(
        "A round of the example", text=("phase",), numbers=("s", *(f"{s} %" for s in STEPS), "%")
    )
    for name, seconds, of in [
        *((share.phase, share.seconds, share.of) for share in shares),
        ("all", total, sums),
    ]:
        parts = [100 * of[step] / seconds if seconds else 0.0 for step in STEPS]
        made.add_row(
            name, f"{seconds:.2f}", *(f"{part:.1f}" for part in parts), f"{sum(parts):.1f}"
        )
    return made
