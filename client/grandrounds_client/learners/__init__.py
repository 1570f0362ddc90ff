"""What a site can learn with: one adapter a file, and how a site brings its own."""

from grandrounds_client.learners.base import Fitted, Learner
from grandrounds_client.learners.choice import choose
from grandrounds_client.learners.registry import GROUP, make_learner

__all__ = ["GROUP", "Fitted", "Learner", "choose", "make_learner"]
