"""The release gate: what may leave the house, of virtual rows that began with patients' rows.

::

    passage ── house      own rows, and how near and how alike to them strangers are
      │        ├─ nearest   Manhattan distance to the nearest own row
      │        └─ alike     raw features equal to those of one own row
      │     ── push       every row is drawn anew, until its teacher and the filters agree
      │        ├─ crowd     each value from many rows, and none from the row it began with
      │        └─ filters   exact_copy, too_near, too_alike: of rows that leave together
      │     ── cells      small_cell, quota: by teacher, student and class
      └──── counts        exactly, for the site's own store; in ranges, for others

What leaves depends on private rows, so it tells of them: how often each value stands in a
class, and how many rows a teacher is right on. A hostile teacher chooses which rows these
are. Ranges bound what the *counts* tell, to one bit at each edge of a range; whoever gets
the rows can count them. Nothing here bounds that. Only lessons that never began with a
patient are free of it.
"""

from grandrounds_client.gate.counts import Passages, Passed
from grandrounds_client.gate.house import House
from grandrounds_client.gate.passage import Lot, Released, gate

__all__ = ["House", "Lot", "Passages", "Passed", "Released", "gate"]
