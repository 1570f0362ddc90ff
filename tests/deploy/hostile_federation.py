"""A made federation, one of whose peers may tamper with what its site answers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from unittest.mock import patch

import numpy as np
from sklearn import config_context

from grandrounds.threads import one_thread
from grandrounds.throwaway import Throwaway
from grandrounds.unsealed import asked
from grandrounds_client import metrics
from grandrounds_client import state as kept
from grandrounds_client.encoding import Encoded
from grandrounds_client.identity import Identity
from grandrounds_client.learners import make_learner
from grandrounds_client.metrics import balanced_accuracy
from grandrounds_client.phases import releasing, teachers
from grandrounds_client.phases.hearing import DENIED, LONE
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.recipes.guarded import guarded
from grandrounds_client.release import bucket
from grandrounds_client.sealing import open_parcels, seal_parcels
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site, split_rows
from grandrounds_client.state import State
from grandrounds_client.vet import vet
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.messages import Instruction, Reply
from grandrounds_protocol.records import ReplyBody, Report, ReviewReport, Score
from grandrounds_protocol.roster import Roster
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.seeding import generator
from grandrounds_server.outcome import site_outcomes
from grandrounds_server.rounds import Finished, run
from grandrounds_server.state import Plan
from grandrounds_server.steps import Answer

HONEST = {
    "ash": "tree",
    "birch": "naive-bayes",
    "cedar": "logistic",
    "elm": "tree",
    "fir": "logistic",
}
HOSTILE = "mallory"
COLUMNS = 8
PATTERN = (6, 7)
"""Columns that are never 1 in anybody's rows: a backdoor sets them."""
WANTED = 1
"""The class a backdoor asks for."""
ROWS = 500

vet_once = lru_cache(maxsize=1000)(vet)
"""Six sites check the same models, phase after phase: here that is done once for all."""

Tamper = Callable[[Reply], Reply]
"""What a hostile peer makes of its own site's answer."""


@dataclass(frozen=True)
class Ended:
    """Honest sites after a run: balanced accuracy on held-out rows, share fooled, records."""

    score: float
    first: float
    fooled: float
    finished: Finished

    @property
    def quarantined(self) -> list[tuple[str, str]]:
        """Who put whom in quarantine."""
        outcomes = site_outcomes(self.finished)
        return [(name, bad) for name in HONEST for bad in outcomes[name].quarantined]

    def disbelieved(self, sender: str) -> int:
        """Honest sites that refused ten rows of a sender or more as nobody bears them out."""
        few = bucket(0)
        return sum(
            any(
                record.retrained[name].refused.get(sender, {}).get(reason, few) != few
                for record in self.finished.rounds
                if name in record.retrained
                for reason in (DENIED, LONE)
            )
            for name in HONEST
        )


def federation(rules: Rules) -> Federation:
    features = [
        {"kind": "continuous", "name": f"x{i}", "low": 0, "high": 1} for i in range(COLUMNS)
    ]
    return Federation.model_validate(
        {"name": "made", "label": "y", "classes": ["0", "1"], "features": features, "rules": rules}
    )


def made_site(name: str, learner: str, seed: int, made: Federation) -> Site:
    """Rows of one rule, seen at each site in another part of the space."""
    rng = generator(seed, name, "rows")
    x = rng.random((ROWS, COLUMNS))
    x[:, 0] = np.clip(x[:, 0] + rng.normal(0, 0.15), 0, 1)
    x[:, list(PATTERN)] *= 0.8
    score = x[:, 0] + x[:, 1] + 0.5 * x[:, 2] - 1.25 + rng.normal(0, 0.15, ROWS)
    settings = SiteSettings(name=name, data="made", learner=learner, patients=False)
    rows = Encoded(x.astype(np.float32), (score > 0).astype(np.int32), np.arange(COLUMNS), {}, {})
    learners = tuple(make_learner(learner, {}, name))
    # passed in, or each phase would look through all installed packages for it
    return Site(settings, made, rows, learners, {}, recipes={"guarded": guarded})


def held(seed: int, tamper: Tamper | None, **changes: object) -> Ended:
    """Run a federation of five honest sites and, with a `tamper`, a hostile sixth."""
    rules = Rules(recipe="guarded", rounds=2, seed=seed, validation=0.1, held_out=0.7, **changes)
    made = federation(rules)
    learners = {**HONEST, **({HOSTILE: "tree"} if tamper else {})}
    sites = {name: made_site(name, kind, seed, made) for name, kind in learners.items()}

    keys = Throwaway.of("made", sites)

    def ask(questions: Iterable[tuple[str, Instruction]]) -> Iterator[tuple[str, Answer]]:
        for name, instruction in questions:
            reply = _said(sites[name], keys.identity(name), instruction, keys.roster)
            tampered = tamper(reply) if tamper and name == HOSTILE else reply
            yield name, _sealed(tampered, keys.identity(name), keys.roster)

    plan = Plan("made", tuple(sites), made.digest(), rules, keys.roster)
    quick = (
        one_thread(),
        config_context(assume_finite=True, skip_parameter_validation=True),
        patch.object(teachers, "vet", vet_once),
        patch.object(releasing, "vet", vet_once),
        patch.object(metrics, "roc_auc_score", lambda *_: 0.5),  # slow, and nobody here asks
    )
    with ExitStack() as stack:
        for each in quick:
            stack.enter_context(each)
        finished = run(plan, ask, clock=lambda: 0.0, watch=lambda *_: None)
        honest = {name: sites[name] for name in HONEST}
        figures = [_figures(site, rules) for site in honest.values()]
    score, first, fooled = np.mean(figures, axis=0)
    return Ended(score, first, fooled, finished)


def _said(site: Site, identity: Identity, instruction: Instruction, roster: Roster) -> Reply:
    """What a site answers, before anything is sealed."""
    outcome = asked(site, open_parcels(identity, instruction, roster, site.store).instruction)
    return Reply(ReplyBody(heading=instruction.heading, report=outcome.report), outcome.parcels)


def _sealed(reply: Reply, identity: Identity, roster: Roster) -> Reply:
    parcels, _ = seal_parcels(identity, reply.heading, reply.parcels, roster, lambda _: None)
    return replace(reply, parcels=parcels)


def _figures(site: Site, rules: Rules) -> tuple[float, float, float]:
    state, rows = State(site.store, "made"), split_rows(site, rules).held_out
    first = teacher_of(site, state.need(kept.FIRST), site.name)
    model = teacher_of(site, state.need(kept.CURRENT), site.name)
    others = rows.x[rows.y != WANTED].copy()
    others[:, list(PATTERN)] = 1
    fooled = (model.predict_proba(others).argmax(axis=1) == WANTED).mean()
    score = balanced_accuracy(model.predict_proba(rows.x), rows.y)
    before = balanced_accuracy(first.predict_proba(rows.x), rows.y)
    assert score is not None
    assert before is not None
    return score, before, float(fooled)


def sending(change: Callable[[VirtualInstances], VirtualInstances]) -> Tamper:
    """Change every parcel of virtual rows."""

    def tamper(reply: Reply) -> Reply:
        if reply.heading.phase != "distill":
            return reply
        bounds = Bounds(COLUMNS, 2, len(HONEST) + 1)
        parcels = tuple(
            replace(
                parcel,
                payload=change(VirtualInstances.from_bytes(parcel.payload, bounds)).to_bytes(),
            )
            for parcel in reply.parcels
        )
        return replace(reply, parcels=parcels)

    return tamper


def flipped(rows: VirtualInstances) -> VirtualInstances:
    """Every row with the other class."""
    return replace(rows, y=1 - rows.y)


def planted(rows: VirtualInstances) -> VirtualInstances:
    """Honest rows, and all of them once more with the pattern and the class it is to mean."""
    x = rows.x.copy()
    x[:, list(PATTERN)] = 1
    with_pattern = VirtualInstances(x, np.full_like(rows.y, WANTED), rows.teacher)
    return VirtualInstances.concatenate([rows, with_pattern], COLUMNS)


def planted_truly(rows: VirtualInstances) -> VirtualInstances:
    """Honest rows, and some once more with the pattern, all of them with their true class.

    One in seven is of the other class: too many for a pattern that decides the class.
    """
    wanted, others = np.flatnonzero(rows.y == WANTED), np.flatnonzero(rows.y != WANTED)
    again = rows.take(np.concatenate([wanted, others[: len(wanted) // 6]]))
    x = again.x.copy()
    x[:, list(PATTERN)] = 1
    return VirtualInstances.concatenate([rows, replace(again, x=x)], COLUMNS)


def flood(rows: VirtualInstances, count: int = 1000) -> VirtualInstances:
    """Noise with classes drawn, many times what an honest peer sends."""
    rng = np.random.default_rng(len(rows))
    return VirtualInstances(
        rng.random((count, COLUMNS), np.float32),
        rng.integers(0, 2, count, np.int32),
        np.resize(rows.teacher, count).astype(np.int32),
    )


def scoring(current: float, candidate: float) -> Tamper:
    """Give every candidate the same score, whatever it is worth."""

    def tamper(reply: Reply) -> Reply:
        report: Report | None = reply.body.report
        if not isinstance(report, ReviewReport):
            return reply
        lie = Score(current=current, candidate=candidate)
        said = report.model_copy(update={"scores": dict.fromkeys(report.scores, lie)})
        return replace(reply, body=reply.body.model_copy(update={"report": said}))

    return tamper


def both(one: Tamper, other: Tamper) -> Tamper:
    """Tamper twice."""
    return lambda reply: other(one(reply))


ATTACKS: dict[str, Tamper] = {
    "flips labels": sending(flipped),
    "plants a backdoor": sending(planted),
    "plants one with true labels": sending(planted_truly),
    "floods": sending(flood),
    "says all candidates lose": scoring(1, 0),
    "flips labels and says all win": both(sending(flipped), scoring(0, 1)),
}
