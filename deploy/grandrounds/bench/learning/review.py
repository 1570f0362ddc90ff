"""Which candidates a student would adopt: the product's review, without its messages.

No quarantine and no second attempt: a candidate that loses has lost.
"""

import numpy as np

from grandrounds.bench.learning.world import Member, World
from grandrounds_client.metrics import balanced_accuracy
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.records import Score
from grandrounds_protocol.verdict import DIGITS, LEAST_OF_FEW, decide


def passes(world: World, name: SiteName, candidate: Teacher) -> bool:
    """Whether the reviewers see a gain in a student's candidate, and no own rule forbids it."""
    peers = world.peers(name)
    said = {each: _score(world, each, name, candidate) for each in (name, *peers)}
    scores = {each: score for each, score in said.items() if score is not None}
    sampled = len(peers) < len(world.members) - 1
    verdict = decide(scores, LEAST_OF_FEW if sampled else 1)
    return verdict.adopt and not _vetoed(world, name, candidate)


def _score(world: World, reviewer: SiteName, name: SiteName, candidate: Teacher) -> Score | None:
    """What a reviewer says; None where it abstains."""
    if _too_few(world.members[reviewer], world.rules.review_min_rows):
        return None
    before = _before(world, reviewer, name)
    after = _balanced(world.members[reviewer], candidate)
    if before is None or after is None:
        return None
    return Score(current=round(before, DIGITS), candidate=round(after, DIGITS))


def _too_few(one: Member, least: int) -> bool:
    labels = np.unique(np.concatenate([one.train.y, one.validation.y]))
    return min(int((one.validation.y == label).sum()) for label in labels) < least


def _vetoed(world: World, name: SiteName, candidate: Teacher) -> bool:
    allowed = world.members[name].site.settings.veto_drop
    before, after = _before(world, name, name), _balanced(world.members[name], candidate)
    if allowed is None or before is None or after is None:
        return False
    return before - after > allowed


def _before(world: World, reviewer: SiteName, name: SiteName) -> float | None:
    one, model = world.members[reviewer], world.members[name].model
    return world.once(("before", reviewer, name), lambda: _balanced(one, model))


def _balanced(one: Member, model: Teacher) -> float | None:
    return balanced_accuracy(model.predict_proba(one.validation.x), one.validation.y)
