"""How long each phase took."""

from dataclasses import dataclass

from grandrounds.report.numbers import seconds

_DOES = {
    "publish": "sites train their models and release them",
    "distill": "sites check each other\N{RIGHT SINGLE QUOTATION MARK}s models and write lessons",
    "retrain": "students train again on what they received",
    "review": "sites score each other\N{RIGHT SINGLE QUOTATION MARK}s candidates",
    "adopt": "students decide, and measure the result",
}


@dataclass(frozen=True)
class Timing:
    """One phase, all rounds together; `reach` is its share of the longest."""

    phase: str
    does: str
    text: str
    reach: float


def timings(taken: dict[str, float]) -> tuple[Timing, ...]:
    """Lay out the phases and their sum."""
    longest = max(taken.values(), default=0) or 1
    return tuple(
        Timing(phase, _DOES.get(phase, ""), seconds(value), round(value / longest, 3))
        for phase, value in taken.items()
    )
