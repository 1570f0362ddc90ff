"""The release gate: what may leave the house, of virtual rows that began with patients' rows.

::

    passage ── house      own rows, and how near and how alike is too much here
      │        ├─ nearest   Manhattan distance to the nearest own row
      │        └─ alike     raw features equal to those of one own row
      │     ── filters    exact_copy, too_near, too_alike: row by row
      │        └─ push      rows that fail are moved away, and asked again
      │     ── cells      small_cell, quota: by teacher, student and class
      └──── counts        exactly, for the site's own store; in ranges, for others

What leaves depends on private rows, so it tells of them. A hostile teacher may be right in
a tiny region around one point only: whether a row about that region comes out of this house
says whether a patient is there. Ranges bound what the *counts* tell of it, to one bit at
each edge of a range. Nothing here bounds what the released rows themselves tell, or that a
teacher or class is missing among them. Only lessons that never began with a patient are
free of this.
"""

from grandrounds_client.gate.counts import Passages, Passed
from grandrounds_client.gate.house import House
from grandrounds_client.gate.passage import Lot, Released, gate

__all__ = ["House", "Lot", "Passages", "Passed", "Released", "gate"]
