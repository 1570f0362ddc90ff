"""A reviewer's score, signed for the student: whoever forwards it can neither write nor change one.

The signature is over all that the score is about, the candidate's own bytes among it, so a
score cannot be moved to another round, student or candidate.
"""

from typing import Literal

from grandrounds_protocol.canonical import to_canonical
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Count, Digest, Record, Share
from grandrounds_protocol.records import Score
from grandrounds_protocol.roster import Member

LABEL = "score"


class ScoredCandidate(Record):
    """What a score is about."""

    roster: Digest
    run: str
    round: Count
    attempt: Literal[1, 2]
    reviewer: SiteName
    student: SiteName
    candidate: Digest
    """SHA-256 of the candidate as it was reviewed."""


class _Statement(Record):
    about: ScoredCandidate
    current: Share
    candidate: Share


def sign_score(score: Score, about: ScoredCandidate, keys: KeyPair) -> Score:
    """Return the score with the reviewer's signature."""
    signature = keys.sign(LABEL, _under(score, about)).hex()
    return score.model_copy(update={"signature": signature})


def check_score(score: Score, about: ScoredCandidate, reviewer: Member) -> None:
    """Check that the reviewer gave this score to this candidate.

    Raises
    ------
    BadSignature
    """
    reviewer.keys.verify(LABEL, _under(score, about), bytes.fromhex(score.signature))


def _under(score: Score, about: ScoredCandidate) -> bytes:
    return to_canonical(_Statement(about=about, current=score.current, candidate=score.candidate))
