"""Which candidates a student would adopt: the product's review, without its messages.

No quarantine and no second attempt: a candidate that loses has lost.
"""

from grandrounds.bench.learning.world import Member, World
from grandrounds_client.metrics import balanced_accuracy
from grandrounds_client.reviewing import too_few, vetoed
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
    one = world.members[reviewer]
    if too_few(one.train.y, one.validation.y, world.rules.review_min_rows):
        return None
    before = _before(world, reviewer, name)
    after = _balanced(one, candidate)
    if before is None or after is None:
        return None
    return Score(current=round(before, DIGITS), candidate=round(after, DIGITS))


def _vetoed(world: World, name: SiteName, candidate: Teacher) -> bool:
    one = world.members[name]
    rows = one.validation
    before, after = one.model.predict_proba(rows.x), candidate.predict_proba(rows.x)
    return vetoed(before, after, rows.y, one.site.settings.veto_drop)


def _before(world: World, reviewer: SiteName, name: SiteName) -> float | None:
    one, model = world.members[reviewer], world.members[name].model
    return world.once(("before", reviewer, name), lambda: _balanced(one, model))


def _balanced(one: Member, model: Teacher) -> float | None:
    return balanced_accuracy(model.predict_proba(one.validation.x), one.validation.y)
