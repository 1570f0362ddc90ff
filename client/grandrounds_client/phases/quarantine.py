"""Quarantine: peers whose rows this site uses no more for the rest of a run.

The unit is a peer, by what nobody else can put to its account: the rows it sent, and those
its model taught in this very house. Another sender may name any teacher for its own rows,
so that name accuses nobody.
"""

import json

import numpy as np

from grandrounds_client import state as kept
from grandrounds_client.arrays import Mask
from grandrounds_client.phases.base import Question
from grandrounds_client.sent_rows import SentRows
from grandrounds_client.state import Changes

REASON = "quarantined"
"""How refused rows and parcels of a quarantined peer are counted."""


def quarantined(question: Question) -> dict[str, int]:
    """Peers in quarantine, each with the round since which it is."""
    said = question.state.get(kept.QUARANTINE)
    return (
        {} if said is None else {str(name): int(since) for name, since in json.loads(said).items()}
    )


def with_quarantined(question: Question, peer: str) -> Changes:
    """Put one more peer in quarantine."""
    return {kept.QUARANTINE: json.dumps({**quarantined(question), peer: question.round}).encode()}


def brought_by(question: Question, rows: SentRows, peer: str) -> Mask:
    """Mark what a peer alone can have brought in: what it sent, what its model taught here."""
    index, own = question.members.index(peer), question.members.index(question.site.name)
    taught_here = (rows.sender == own) & (rows.rows.teacher == index)
    return np.asarray((rows.sender == index) | taught_here, np.bool_)


def usable(question: Question, rows: SentRows) -> Mask:
    """Mark rows that no peer in quarantine sent, or by anybody's word taught.

    Here the word of a sender may count: who names a peer in quarantine loses its own rows.
    """
    indices = [question.members.index(name) for name in quarantined(question)]
    return ~(np.isin(rows.sender, indices) | np.isin(rows.rows.teacher, indices))
