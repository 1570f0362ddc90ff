"""What a student lets in of the virtual rows that peers sent: each once, and no flood."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grandrounds_client.arrays import Mask
from grandrounds_client.quota import within_quota
from grandrounds_protocol.errors import BadInstances
from grandrounds_protocol.instances import Bounds, VirtualInstances

DUPLICATE, QUOTA = "duplicate", "quota"


@dataclass(frozen=True)
class Admitted:
    """What was let in, and what was not.

    Attributes
    ----------
    rows : VirtualInstances
        In the order of the parcels, and within each as they came.
    received : dict of str to int
        Rows in each sender's parcel, where it could be read.
    let_in : dict of str to int
        Rows of each sender among `rows`, in the order in which they stand there.
    refused : dict of str to dict of str to int
        By sender and reason: rows refused as `duplicate` or over the `quota`, or 1 under
        the error's name where the whole parcel was refused.
    """

    rows: VirtualInstances
    received: dict[str, int]
    let_in: dict[str, int]
    refused: dict[str, dict[str, int]]

    def by_sender(self) -> Iterator[tuple[str, VirtualInstances]]:
        """Each sender with those of its rows that were let in."""
        at = 0
        for sender, count in self.let_in.items():
            yield sender, self.rows.take(np.arange(at, at + count))
            at += count

    def sent_by(self, sender: str) -> Mask:
        """Mark one sender's rows among those let in, bool [n]."""
        senders, counts = list(self.let_in), list(self.let_in.values())
        mark: Mask = np.repeat([name == sender for name in senders], counts).astype(np.bool_)
        return mark


def admit(
    parcels: Sequence[tuple[str, bytes]],
    known: VirtualInstances,
    *,
    bounds: Bounds,
    quota: int,
    rng: np.random.Generator,
) -> Admitted:
    """Open parcels and let in what is new and within the quota.

    The quota is for each sender and teacher, as it is at the sender's own gate: an honest
    sender never exceeds it, and none can use up what is another's, whichever teacher it
    names and however it orders its rows. A sender that names all K teachers brings in K
    quotas at most. Chance chooses, levelled over classes, from a generator of each
    sender's own.

    A row counts as known if all its columns and its class are, whoever taught it. Columns
    that this site does not have are read by no learner here, but tell two rows apart: two
    patients who differ only there are two. They, and one-hot groups, may hold any number in
    [0, 1]: recipe `paper` writes fractions.

    A parcel that is malformed, or holds one number out of range or one unknown class, is
    refused whole: no honest site writes such a row, so none of its rows is trusted. One
    parcel is open at a time; beside it only admitted rows and a 16-byte digest of each
    row are held.

    Parameters
    ----------
    parcels : sequence of (str, bytes)
        Sender and payload, one per sender, senders checked.
    known : VirtualInstances
        Rows that this site stands on already, and those it wrote for itself.
    bounds : Bounds
        What a parcel must fit into.
    quota : int
        Most rows of one sender and teacher.
    rng : numpy Generator
    """
    rules = _Rules(bounds, quota, set(known.digests()))
    parts: list[VirtualInstances] = []
    received: dict[str, int] = {}
    counts: dict[str, int] = {}
    refused: dict[str, dict[str, int]] = {}
    admitted: set[bytes] = set()
    for (sender, payload), chance in zip(parcels, rng.spawn(len(parcels)), strict=True):
        try:
            rows = VirtualInstances.from_bytes(payload, bounds)
        except BadInstances as error:
            refused[sender] = {error.code: 1}
            continue
        received[sender] = len(rows)
        let_in, over = _from_one(rows, rules, chance)
        # after the quota: else a sender could have another's rows taken for repeats of its
        # own, and then lose them to its own quota
        digests = let_in.digests()
        new = let_in.take(np.array([digest not in admitted for digest in digests], np.bool_))
        admitted.update(digests)
        parts.append(new)
        counts[sender] = len(new)
        reasons = {DUPLICATE: len(rows) - over - len(new), QUOTA: over}
        refused[sender] = {reason: count for reason, count in reasons.items() if count}
    found = VirtualInstances.concatenate(parts, bounds.columns)
    return Admitted(found, received, counts, {name: why for name, why in refused.items() if why})


@dataclass(frozen=True)
class _Rules:
    bounds: Bounds
    quota: int
    known: set[bytes]


def _from_one(
    rows: VirtualInstances, rules: _Rules, rng: np.random.Generator
) -> tuple[VirtualInstances, int]:
    """Return one sender's new rows within its quotas, and how many were over them."""
    new = rows.take(_first(rows.digests(), rules.known))
    kept = np.zeros(len(new), np.bool_)
    for teacher in np.unique(new.teacher):
        members = np.flatnonzero(new.teacher == teacher)
        kept[members] = within_quota(new.y[members], rules.quota, rng)
    return new.take(kept), len(new) - int(kept.sum())


def _first(digests: list[bytes], known: set[bytes]) -> Mask:
    """Mark the first of each digest that is not known, bool [n]."""
    seen = set(known)
    first = np.zeros(len(digests), np.bool_)
    for at, digest in enumerate(digests):
        if digest not in seen:
            seen.add(digest)
            first[at] = True
    return first
