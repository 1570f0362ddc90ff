"""What became of the lessons: exact counts for the site itself, ranges for others.

A lesson is one row for one student, so counts add up over students, and `written` is
`released` and all `refused`.
"""

from typing import Literal

from grandrounds_client.release import bucket
from grandrounds_protocol.gated import Gated, GatedRanges, Reason
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Count, Record


class Passed(Record):
    """One teacher's lessons."""

    written: Count
    released: Count
    pushed: Count
    """Of those released: pushed away from the patients they began with; all but images are."""
    refused: dict[Reason, Count]

    def ranges(self) -> GatedRanges:
        """Return what others may know; small cells are not counted."""
        return GatedRanges(
            released=bucket(self.released),
            pushed=bucket(self.pushed),
            refused={
                reason: bucket(count)
                for reason, count in self.refused.items()
                if reason != "small cell"
            },
        )


class Passages(Record):
    """What the gate did in one round, for the site's own store: it never travels."""

    teachers: dict[SiteName, Passed]
    closed: Literal["", "this site's rows cannot tell what is too near a patient"] = ""

    def ranges(self) -> Gated:
        """Return what others may know.

        Of a closed gate only that it is closed. Which reasons stand there at all would
        tell whether a count is 0, so every reason stands there.
        """
        if self.closed:
            return Gated(teachers={}, closed=self.closed)
        return Gated(teachers={name: passed.ranges() for name, passed in self.teachers.items()})
