"""What a phase is called where people read of it."""

from grandrounds_protocol.records import Phase

_VERBS: dict[Phase, str] = {
    "publish": "sites train and release their models",
    "distill": "sites write lessons with their peers' models",
    "retrain": "students retrain on what they received",
    "review": "sites score each other's candidates",
    "adopt": "students adopt what helped",
}


def phase_line(number: int, rounds: int, attempt: int, phase: Phase) -> str:
    """Say in one line where a run is."""
    again = ", second attempt" if attempt == 2 else ""
    return f"round {number} of {rounds}{again}, {phase}: {_VERBS[phase]}"
