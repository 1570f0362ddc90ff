"""What was found, in one line, and how to mend it."""

from collections.abc import Callable, Iterable
from typing import Literal

from grandrounds_client.frames import frames
from grandrounds_protocol.errors import GrandRoundsError, Refused
from grandrounds_protocol.record import Record

State = Literal["ok", "warning", "failed", "refused"]
"""`refused` is a failure by a privacy or security rule."""
_CODES = {"refused": Refused.exit_code, "failed": 2}


class Finding(Record):
    """One thing that was looked at."""

    check: str
    state: State
    says: str
    mend: str = ""

    @property
    def fine(self) -> bool:
        """Whether work may go on."""
        return self.state in {"ok", "warning"}


class Findings(Record):
    """All of them."""

    folder: str
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 if all is fine, 3 if a rule refused something, else 2."""
        return exit_code(self.findings)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 if all is fine, 3 if a rule refused something, else 2."""
    return max((_CODES.get(finding.state, 0) for finding in findings), default=0)


def ok(check: str, says: str) -> Finding:
    """Nothing to mend."""
    return Finding(check=check, state="ok", says=says)


def warning(check: str, says: str, mend: str) -> Finding:
    """Something to mend before it stops the work."""
    return Finding(check=check, state="warning", says=says, mend=mend)


def failed(check: str, says: str, mend: str) -> Finding:
    """Something that stops the work."""
    return Finding(check=check, state="failed", says=says, mend=mend)


def examined(check: str, look: Callable[[], Finding]) -> Finding:
    """Look, and turn whatever is raised into a finding without any value from the data."""
    try:
        return look()
    except GrandRoundsError as error:
        says = f"{error.problem} ({error.where})" if error.where else error.problem
        state: State = "refused" if isinstance(error, Refused) else "failed"
        mend = error.remedy or error.public
        return Finding(check=check, state=state, says=_line(says), mend=_line(mend))
    except Exception as error:  # noqa: BLE001 (a library's message may hold a value of a row)
        return failed(check, frames(error), "report this line; it holds no value of your rows")


def _line(text: str) -> str:
    return " ".join(text.split())
