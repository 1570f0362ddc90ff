"""The five phases of a round, as a site answers them. Each is a function without side effects."""

from grandrounds_client.phases.adopt import adopt
from grandrounds_client.phases.base import Outcome, Question
from grandrounds_client.phases.distill import distill
from grandrounds_client.phases.publish import publish
from grandrounds_client.phases.retrain import retrain
from grandrounds_client.phases.review import review
from grandrounds_protocol.records import (
    AdoptOrder,
    DistillOrder,
    PublishOrder,
    RetrainOrder,
    ReviewOrder,
)

__all__ = ["Outcome", "Question", "perform"]


def perform(question: Question) -> Outcome:
    """Do what the instruction asks for."""
    match question.instruction.body.order:
        case PublishOrder() as order:
            return publish(question, order)
        case DistillOrder() as order:
            return distill(question, order)
        case RetrainOrder() as order:
            return retrain(question, order)
        case ReviewOrder() as order:
            return review(question, order)
        case AdoptOrder() as order:
            return adopt(question, order)
