"""Whose rows harmed a candidate in doubt: each peer's share, measured by leaving it out."""

from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities
from grandrounds_client.metrics import Gain, balanced_gain
from grandrounds_client.phases.base import Question
from grandrounds_client.phases.quarantine import brought_by
from grandrounds_client.phases.retrain import train_candidate
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import GrandRoundsError

ERRORS = 2.0
"""Standard errors by which an absence must help: never with fewer than five validation rows."""
LEAST = 0.02
"""And by how much: of many validation rows, less would be beyond chance."""


def gains_here(question: Question, current: Teacher, candidate: Teacher) -> bool:
    """Whether own validation rows favour the candidate, however little; true without any."""
    y = question.split.validation.y
    if not len(y):
        return True
    before, after = _answers(question, current), _answers(question, candidate)
    return balanced_gain(before, after, y).mean > 0


def most_harmful(question: Question, candidate: Teacher) -> str | None:
    """Find the peer without whose rows the candidate would have been best, if by far enough.

    One retraining for each peer of this round that brought in rows, with the candidate's own
    seeds. The score is the balanced probability of the true class on the site's own validation
    rows (`metrics.balanced_gain`): figures of other sites could be lies.

    Parameters
    ----------
    question : Question
    candidate : Teacher
        The candidate of the first attempt.

    Returns
    -------
    str or None
        None where no absence helps by `LEAST` and by more than `ERRORS` standard errors.
    """
    if not len(question.split.validation):
        return None
    gains = _gains(question, _answers(question, candidate))
    if not gains:
        return None
    peer = max(gains, key=lambda name: gains[name].mean)
    return peer if gains[peer].mean > max(LEAST, ERRORS * gains[peer].error) else None


def _gains(question: Question, with_all: Probabilities) -> dict[str, Gain]:
    """Gain without each peer that brought in rows, in roster order."""
    rows = question.state.sent_rows(kept.candidate_virtual(question.round), question.bounds)
    gains: dict[str, Gain] = {}
    for peer in question.peers:
        theirs = brought_by(question, rows, peer)
        if not theirs.any():
            continue
        try:
            release = train_candidate(question, rows.take(~theirs).rows)
            without = _answers(question, teacher_of(question.site, release, question.site.name))
        except GrandRoundsError:
            continue  # no model to be had without it: nothing to compare
        gains[peer] = balanced_gain(with_all, without, question.split.validation.y)
    return gains


def _answers(question: Question, model: Teacher) -> Probabilities:
    return model.predict_proba(question.split.validation.x)
