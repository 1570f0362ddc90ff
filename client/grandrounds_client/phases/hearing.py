"""Hear the others about each sender's rows, before a student learns from them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client import state as kept
from grandrounds_client.admission import Admitted
from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.phases.base import Question
from grandrounds_client.phases.quarantine import quarantined
from grandrounds_client.phases.teachers import own_teacher, teacher_of
from grandrounds_client.sent_rows import SentRows
from grandrounds_client.split import Examples
from grandrounds_client.witnesses import Witnesses, denied, lone_patterns
from grandrounds_protocol.errors import BadModel

DENIED, LONE = "denied", "lone pattern"
"""How rows that nobody else bears out are counted."""
LEAST = 2
"""Models of other peers without which nobody is heard: no single one decides."""


@dataclass(frozen=True)
class Heard:
    """Rows that others bear out, and how many of each sender they do not, by reason."""

    rows: list[SentRows]
    refused: dict[str, dict[str, int]]


def hear(question: Question, admitted: Admitted) -> Heard:
    """Leave out rows whose label or whose pattern nobody but their sender stands for.

    With fewer than `LEAST` models of peers beside the sender's all rows stay: a student
    with one peer would hear itself only, and learn nothing that it does not know. So they do
    where the site's own rule is to hear nobody.
    """
    asked = question.site.settings.witnesses and len(admitted.rows)
    votes = _votes(question, admitted.rows.x) if asked else {}
    heard = Heard([], {})
    for sender, rows in admitted.by_sender():
        theirs = admitted.sent_by(sender)
        models = [said[theirs] for name, said in votes.items() if name != sender]
        marked: dict[str, Mask] = {}
        if len(rows) and len(models) > LEAST:  # the own model is one more
            others = admitted.rows.take(~theirs)
            witnesses = Witnesses(
                np.stack(models), Examples(others.x, others.y), question.rules.min_rows
            )
            marked = _marked(question, sender, Examples(rows.x, rows.y), witnesses)
        out = np.any([np.zeros(len(rows), np.bool_), *marked.values()], axis=0)
        counts = {reason: int(mask.sum()) for reason, mask in marked.items() if mask.any()}
        heard.rows.append(SentRows.of(rows.take(~out), question.members.index(sender)))
        if counts:
            heard.refused[sender] = counts
    return heard


def _votes(question: Question, x: Rows) -> dict[str, npt.NDArray[np.intp]]:
    """Class that each model gives each row: the own one, and peers' as they were at first.

    A peer's model before any lesson cannot have learned from whoever is heard about.
    """
    votes = {question.site.name: own_teacher(question).predict_proba(x).argmax(axis=1)}
    out = quarantined(question)
    for name in question.peers:
        release = question.state.get(kept.peer_first(name))
        if release is None or name in out:
            continue
        try:
            answers = teacher_of(question.site, release, name).predict_proba(x)
        except BadModel:
            continue  # no witness
        votes[name] = answers.argmax(axis=1)
    return votes


def _marked(
    question: Question, sender: str, rows: Examples, witnesses: Witnesses
) -> dict[str, Mask]:
    against = denied(rows, witnesses)
    lone = np.zeros(len(rows), np.bool_)
    lone[~against] = lone_patterns(
        Examples(rows.x[~against], rows.y[~against]),
        witnesses,
        question.site.columns,
        question.seed("patterns", sender),
    )
    return {DENIED: against, LONE: lone}
