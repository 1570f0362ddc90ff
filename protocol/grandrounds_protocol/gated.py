"""What a site may say of the virtual rows it held back: ranges of counts, never counts."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Record

Reason = Literal["exact copy", "too near", "too alike", "teacher disagrees", "small cell", "quota"]
"""Why a virtual row stays in the house."""


def _ascending(text: str) -> str:
    low, _, high = text.rstrip("+").partition("-")
    if high and int(high) < int(low):
        raise ValueError("a range begins with its smaller end")
    return text


Range = Annotated[str, Field(pattern=r"^[0-9]{1,9}(-[0-9]{1,9}|\+)$"), AfterValidator(_ascending)]
"""A range of counts, such as `100-199`."""
CLOSED = "this site's rows cannot tell what is too near a patient"
"""Said where nothing that began with a patient may leave. One sentence for all causes."""


class GatedRanges(Record):
    """What became of one teacher's lessons, as ranges. A lesson is one row for one student."""

    released: Range
    pushed: Range
    """Of those released: pushed away from the patients they began with; all but images are."""
    refused: dict[Reason, Range]
    """Small cells are left out: they are neither sent nor counted."""


class Gated(Record):
    """What the release gate of one site did in a round, for others to read."""

    teachers: dict[SiteName, GatedRanges]
    closed: Literal["", "this site's rows cannot tell what is too near a patient"] = ""
    """Why nothing at all was released; empty where the gate was open."""
