"""A tree ensemble along every line through a row: all moves of one column at once.

Between neighbouring splits an ensemble is constant, so each column falls into bins, and a
row is one bin of each column. A row lies in a leaf if none of its bins is outside, and a
move of one column brings it into those leaves of which that bin alone is outside. Which
leaves a bin is inside of is one bit per leaf (as in QuickScorer, Lucchese et al., SIGIR
2015), so both are a few operations on words per column, whatever the trees' depth. The
votes of such a leaf are added where it begins on the line and taken away where it ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Floats, Mask, Rows
from grandrounds_client.teacher import Ints, TreeEnsemble

GROUP = 8192
"""Leaves whose bits stand together. A group of G leaves has fewer than G splits and its
table at most G^2 bits, 8 MB; one table for all leaves would grow with their square."""

OFFERED = 64
"""Bins of a column that are offered, where it has more: evenly many lie between them."""

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Bins:
    """The bins of d columns, B in all, one column's after the other's.

    Attributes
    ----------
    column : int64 [d]
        Encoded columns.
    first : int64 [d + 1]
        Where each column's bins begin, and B.
    lower, upper : float32 [B]
        Both ends belong to the bin.
    """

    column: Longs
    first: Longs
    lower: Floats
    upper: Floats

    def part(self, at: int) -> slice:
        """Return the bins of one column."""
        return slice(int(self.first[at]), int(self.first[at + 1]))

    def find(self, at: int, values: Floats) -> Longs:
        """Return the bins in which these values of one column lie."""
        place = np.searchsorted(self.lower[self.part(at)], values, side="right")
        found: Longs = self.first[at] + place - 1
        return found

    def of(self, x: Rows) -> Longs:
        """Return the bins of rows [N, D], int64 [N, d]."""
        found = [self.find(at, x[:, column]) for at, column in enumerate(self.column)]
        return np.stack(found, axis=1)


def cut(ensemble: TreeEnsemble, columns: Longs, entries: slice) -> Bins:
    """Cut columns wherever one of these entries of the ensemble begins or ends."""
    lower, upper = [], []
    for column in columns:
        held = ensemble.column[entries] == column
        behind = np.nextafter(ensemble.upper[entries][held], np.float32(2))
        begins = np.concatenate([np.zeros(1, np.float32), ensemble.lower[entries][held], behind])
        begins = np.unique(begins[begins <= 1])
        lower.append(begins)
        upper.append(np.append(np.nextafter(begins[1:], np.float32(-1)), np.float32(1)))
    first = np.cumsum([0, *(len(part) for part in lower)])
    return Bins(columns, first, np.concatenate(lower), np.concatenate(upper))


@dataclass(frozen=True)
class _Group:
    """Some trees, with G leaves in W words.

    Attributes
    ----------
    outside : uint64 [R, W]
        One row per bin of the group's own: which leaves it is outside of.
    leaves : uint64 [W]
        Which bits are leaves: the last word may have more.
    row : int64 [B]
        The row of each bin of the ensemble.
    begin, end : int32 [G * moving]
        Of the offered bins, the first that each leaf holds on the line of each column, and
        the first behind it.
    tree : int32 [G]
        From 0 in each group.
    votes : float32 [K, G]
    """

    outside: Words
    leaves: Words
    row: Longs
    begin: Ints
    end: Ints
    tree: Ints
    votes: Rows


class Lines:
    """Asks an ensemble for whole lines.

    Parameters
    ----------
    ensemble : TreeEnsemble
    movable : bool [D]
        Only lines along these columns are asked for.

    Attributes
    ----------
    bins : Bins
        Of all columns that split; those that are movable come first.
    moving : int
        How many are movable.
    offered : int64 [M]
        Bins of these that rows may be moved to, ascending.
    """

    def __init__(self, ensemble: TreeEnsemble, movable: Mask) -> None:
        split = np.unique(ensemble.column).astype(np.int64)
        columns = np.concatenate([split[movable[split]], split[~movable[split]]])
        self.bins = cut(ensemble, columns, slice(None))
        self.moving = int(movable[split].sum())
        offered = [_evenly(self.bins.part(at)) for at in range(self.moving)]
        self.offered = np.concatenate([np.empty(0, dtype=np.int64), *offered])
        self._groups = [self._group(ensemble, leaves) for leaves in _groups(ensemble.tree)]

    @property
    def words(self) -> int:
        """How many words one row takes on the way."""
        widest: int = max(group.outside.shape[1] for group in self._groups)
        return len(self.bins.column) * widest

    def scores(self, at: Longs) -> Rows:
        """Return the scores in every bin that is offered, and where the row stands.

        Parameters
        ----------
        at : int64 [N, d]
            The bins of each row, where its lines meet.

        Returns
        -------
        float32 [N, M + 1, K]
            In a bin: as if its column moved there and all others stayed. Last: as it is.
        """
        total = np.zeros((len(at), len(self.offered) + 1, len(self._groups[0].votes)))
        for group in self._groups:
            self._add(total, group, at)
        return total.astype(np.float32)

    def _add(self, total: Doubles, group: _Group, at: Longs) -> None:
        """Add what the trees of one group say on all lines."""
        rows, trees, width = len(at), int(group.tree[-1]) + 1, total.shape[1]
        outside = group.outside[group.row[at]]
        once, twice = _counted(outside)
        row, leaf = _ones(~once & group.leaves)
        now = np.empty(rows * trees, dtype=np.int64)
        now[row * trees + group.tree.take(leaf)] = leaf
        # flat indices throughout: numpy takes them several times as fast as pairs
        line, leaf = _ones(outside[:, : self.moving] & (once & ~twice & group.leaves)[:, None])
        row = np.repeat(np.arange(rows), self.moving).take(line)
        held = leaf * self.moving + np.tile(np.arange(self.moving), rows).take(line)
        left = now.take(row * trees + group.tree.take(leaf))
        begin, end = (row * width + ends.take(held) for ends in (group.begin, group.end))
        for score, votes in enumerate(group.votes):
            gain = votes.take(leaf) - votes.take(left)
            steps = np.bincount(begin, gain, rows * width) - np.bincount(end, gain, rows * width)
            # what begins ends before the next line: each starts from 0, and the last bin has 0
            total[:, :, score] += steps.reshape(rows, width).cumsum(axis=1)
            total[:, :, score] += votes.take(now).reshape(rows, trees).sum(axis=1)[:, None]

    def _place(self, bins: Longs) -> Ints:
        """Return the first offered bin that is not before each of these."""
        return np.searchsorted(self.offered, bins).astype(np.int32)

    def _group(self, ensemble: TreeEnsemble, leaves: slice) -> _Group:
        """Tabulate some whole trees."""
        count = leaves.stop - leaves.start
        entries = slice(*np.searchsorted(ensemble.leaf, [leaves.start, leaves.stop]))
        own = cut(ensemble, self.bins.column, entries)
        ends = self._place(self.bins.first[: self.moving + 1])
        begin, end = np.tile(ends[:-1], (count, 1)), np.tile(ends[1:], (count, 1))
        outside = np.zeros((len(own.lower), -(-count // 64)), dtype=np.uint64)
        row = np.empty(len(self.bins.lower), dtype=np.int64)
        for at, column in enumerate(self.bins.column):
            held = entries.start + np.flatnonzero(ensemble.column[entries] == column)
            leaf = ensemble.leaf[held] - leaves.start
            lower, upper = ensemble.lower[held], ensemble.upper[held]
            if at < self.moving:
                begin[leaf, at] = self._place(self.bins.find(at, lower))
                end[leaf, at] = self._place(self.bins.find(at, upper) + 1)
            _mark(
                outside[own.part(at)],
                leaf,
                own.find(at, lower) - own.first[at],
                own.find(at, upper) - own.first[at],
            )
            row[self.bins.part(at)] = own.find(at, self.bins.lower[self.bins.part(at)])
        known = np.full(outside.shape[1], ~np.uint64(0))
        if count % 64:
            known[-1] = ~(~np.uint64(0) << np.uint64(count % 64))
        tree = ensemble.tree[leaves]
        votes = np.ascontiguousarray(ensemble.votes[leaves].T)
        return _Group(outside, known, row, begin.ravel(), end.ravel(), tree - tree[0], votes)


def _evenly(bins: slice) -> Longs:
    """Return the first bin, the last, and as many between as are offered."""
    count = bins.stop - bins.start
    few = min(count, OFFERED)
    offered: Longs = bins.start + np.arange(few) * (count - 1) // max(1, few - 1)
    return offered


def _counted(outside: Words) -> tuple[Words, Words]:
    """Return the leaves that at least one, and at least two, of a row's bins are outside of."""
    once = np.zeros((len(outside), outside.shape[2]), dtype=np.uint64)
    twice = np.zeros_like(once)
    for column in range(outside.shape[1]):
        twice |= once & outside[:, column]
        once |= outside[:, column]
    return once, twice


def _mark(outside: Words, leaf: Ints, low: Longs, high: Longs) -> None:
    """Set the leaves' bits in all bins below low and above high: flips, then their sums."""
    word, bit = leaf >> 6, np.uint64(1) << (leaf & 63).astype(np.uint64)
    before, after = low > 0, high + 1 < len(outside)
    np.bitwise_xor.at(outside[0], word[before], bit[before])
    np.bitwise_xor.at(outside, (low[before], word[before]), bit[before])
    np.bitwise_xor.at(outside, (high[after] + 1, word[after]), bit[after])
    np.bitwise_xor.accumulate(outside, axis=0, out=outside)


def _groups(tree: Ints) -> Iterator[slice]:
    """Cut the leaves into groups of whole trees."""
    ends = np.append(np.flatnonzero(np.diff(tree)) + 1, len(tree))
    start = 0
    while start < len(tree):
        inside = ends[(ends > start) & (ends <= start + GROUP)]
        stop = int(inside[-1] if len(inside) else ends[ends > start][0])
        yield slice(start, stop)
        start = stop


def _ones(words: Words) -> tuple[Longs, Longs]:
    """Return line and bit of every bit that is set in [..., W]; the lines are counted through.

    The lowest of each word first, then the next: few words hold more than one.
    """
    flat = words.reshape(-1)
    place = np.flatnonzero(flat)
    left = flat[place]
    lines, bits = [], []
    while len(place):
        lowest = left & (~left + np.uint64(1))
        line, word = np.divmod(place, words.shape[-1])
        lines.append(line)
        bits.append((word << 6) + np.frexp(lowest.astype(np.float64))[1] - 1)
        left = left ^ lowest
        more = np.flatnonzero(left)
        place, left = place[more], left[more]
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *lines]), np.concatenate([none, *bits])
