"""From released bytes to teachers, the site's own included."""

from functools import partial

from grandrounds_client import state as kept
from grandrounds_client.metrics import balanced_accuracy
from grandrounds_client.phases.base import Question
from grandrounds_client.site import Site
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_client.worker import remote_teacher
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.verdict import DIGITS


def teacher_of(site: Site, release: bytes, sender: str) -> Teacher:
    """Vet a release from `sender`; a peer's model is opened and run in the worker only.

    Raises
    ------
    BadModel
        If it fails the static checks, or its card names another site, other classes, or a
        feature that the federation lacks.
    """
    model = ModelRelease.from_bytes(release)
    if model.card.site != sender:
        raise BadModel("the release's card names another site than its sender", where="card.site")
    if model.card.classes != site.federation.class_names:
        raise BadModel("the card names other classes, or in another order", where="card.classes")
    if not set(model.card.features) <= set(site.layout.slices):
        raise BadModel("the card names a feature that the federation lacks", where="card.features")
    door = (
        vet if site.worker is None or sender == site.name else partial(remote_teacher, site.worker)
    )
    return door(
        model.onnx,
        name=sender,
        algorithm=model.card.algorithm,
        width=site.layout.width,
        classes=site.classes,
    )


def own_teacher(question: Question) -> Teacher:
    """Return the site's adopted model, through the same door as everybody's."""
    return teacher_of(question.site, question.state.need(kept.CURRENT), question.site.name)


def validation_score(question: Question, teacher: Teacher) -> float | None:
    """Balanced accuracy on own validation rows, rounded; None where they are of one class.

    Raises
    ------
    BadModel
        If the model fails on these rows.
    """
    rows = question.split.validation
    score = balanced_accuracy(teacher.predict_proba(rows.x), rows.y)
    return None if score is None else round(score, DIGITS)
